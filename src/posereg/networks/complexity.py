"""The cost of a network: multiply-adds, parameters, activation memory, images per second."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from math import prod
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

DeconvAt = Literal["input", "output"]


class Complexity(NamedTuple):
    """Cost of one image.

    Attributes:
        params: parameters, shared ones counted once.
        macs: multiply-adds of convolutions (deformable ones too) and matrix products of one forward pass.
        activation_bytes: what autograd keeps for the backward pass of one image, parameters excluded.
    """

    params: int
    macs: int
    activation_bytes: int


def complexity(
    model: nn.Module,
    input_shape: Sequence[int],
    deconv_at: DeconvAt = "input",
    autocast: torch.dtype | None = None,
) -> Complexity:
    """Count without computing: the forward pass runs on fake tensors, whatever device the model is on.

    Args:
        model: takes one image batch (B, C, H, W); left as it was.
        input_shape: (C, H, W).
        deconv_at: a transposed convolution costs k^2 Cin Cout per `input` cell (its true cost, and the
            convention of the integral paper) or per `output` cell (the counter of the HRNet family's released code).
        autocast: count the bytes of mixed precision in this type, e.g. `torch.bfloat16`; None for the model's own.

    Raises:
        ValueError: `input_shape` is not (C, H, W).
    """
    if len(input_shape) != 3:
        raise ValueError(f"input_shape is (C, H, W), not {tuple(input_shape)}")
    macs, kept = _forward(model, (1, *input_shape), deconv_at, autocast)
    if autocast is not None:
        # Weights in the other type are kept once, however many images there are.
        kept = _forward(model, (2, *input_shape), deconv_at, autocast)[1] - kept
    return Complexity(sum(p.numel() for p in model.parameters()), macs, kept)


def _forward(
    model: nn.Module, shape: Sequence[int], deconv_at: DeconvAt, autocast: torch.dtype | None
) -> tuple[int, int]:
    """Multiply-adds of a batch of that shape, and the bytes that autograd keeps of it."""
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage  # the reference keeps the address from being used again
        return tensor

    counter = FlopCounterMode(display=False, custom_mapping=_formulas(deconv_at))
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    mixed = nullcontext() if autocast is None else torch.autocast(device.type, dtype=autocast)
    with _evaluating(model), FakeTensorMode(allow_non_fake_inputs=True), torch.enable_grad():
        # Made and not converted, which takes torch's compiler.
        fakes = {
            name: _like(tensor) for name, tensor in chain(model.named_parameters(), model.named_buffers())
        }
        weights = [fakes[name].untyped_storage() for name, _ in model.named_parameters()]
        with hooks, counter, mixed:
            functional_call(model, fakes, (torch.empty(*shape, device=device),))
    for storage in weights:
        kept.pop(storage._cdata, None)
    return counter.get_total_flops() // 2, sum(storage.nbytes() for storage in kept.values())


def _like(tensor: torch.Tensor) -> torch.Tensor:
    fake = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=tensor.device)
    return fake.requires_grad_(tensor.requires_grad)


def throughput(
    model: nn.Module,
    input_shape: Sequence[int],
    batch: int = 1,
    device: torch.device | str = "cpu",
    rounds: int = 5,
    dtype: torch.dtype | None = None,
) -> float:
    """Images per second of the forward pass, the median of `rounds` after one to warm up.

    Args:
        model: moved to `device`, measured in evaluation mode, its modes restored.
        input_shape: (C, H, W).
        dtype: autocast to this type, e.g. `torch.bfloat16`; None for the model's own.
    """
    device = torch.device(device)
    model.to(device)
    image = torch.rand(batch, *input_shape, device=device)
    autocast = torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)
    seconds = []
    with _evaluating(model), torch.inference_mode(), autocast:
        for _ in range(rounds + 1):
            start = time.perf_counter()
            model(image)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds.append(time.perf_counter() - start)
    return batch / statistics.median(seconds[1:])


def counts(model: nn.Module, input_size: tuple[int, int]) -> dict[str, Any]:
    """`params`, `macs` and `activation_bytes` of one RGB image of `input_size` = (W, H) pixels."""
    width, height = input_size
    return complexity(model, (3, height, width))._asdict()


def rates(model: nn.Module, input_size: tuple[int, int], device: torch.device | str) -> dict[str, Any]:
    """`images_per_s_batch1` and `images_per_s_batch32` of the float32 forward pass, `latency_ms` of one image, and the
    `device` measured on."""
    width, height = input_size
    device = torch.device(device)
    threads = f"{device.type}, {torch.get_num_threads()} threads"
    measured = {
        f"images_per_s_batch{batch}": round(throughput(model, (3, height, width), batch, device, rounds=3), 2)
        for batch in (1, 32)
    }
    measured["latency_ms"] = round(1000 / measured["images_per_s_batch1"], 3)
    return {"device": torch.cuda.get_device_name(device) if device.type == "cuda" else threads, **measured}


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _formulas(deconv_at: DeconvAt) -> dict[Any, Callable[..., int]]:
    import torchvision  # noqa: F401  registers its operators

    def convolution(
        x: Sequence[int],
        weight: Sequence[int],
        bias: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        transposed: bool,
        *_: Any,
        out_shape: Sequence[int],
    ) -> int:
        cells: Sequence[int] = x if transposed and deconv_at == "input" else out_shape
        return 2 * x[0] * prod(cells[2:]) * prod(weight)

    def deformable(x: Sequence[int], weight: Sequence[int], *_: Any, out_shape: Sequence[int]) -> int:
        return 2 * x[0] * prod(out_shape[2:]) * prod(weight)

    return {torch.ops.aten.convolution: convolution, torch.ops.torchvision.deform_conv2d: deformable}
