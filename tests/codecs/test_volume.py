import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from posereg.codecs.volume import integral3d, to_unit


def _naive(logits: torch.Tensor) -> torch.Tensor:
    """The definition: every bin's position, weighted by its probability."""
    probability = logits.flatten(2).softmax(-1).view(logits.shape)
    depth, height, width = logits.shape[2:]
    z, y, x = torch.meshgrid(torch.arange(depth), torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([(probability * axis).sum((2, 3, 4)) for axis in (x, y, z)], dim=-1)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (2, 3, 5, 6, 7), (1, 2, 8, 4, 4)])
def test_agrees_with_the_definition(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    logits = (3 * torch.randn(shape, dtype=torch.float64)).requires_grad_()
    weight = torch.randn(*shape[:2], 3, dtype=torch.float64)
    ours, expected = integral3d(logits), _naive(logits)
    torch.testing.assert_close(ours, expected)
    (grad,) = torch.autograd.grad((ours * weight).sum(), logits)
    (expected_grad,) = torch.autograd.grad((expected * weight).sum(), logits)
    torch.testing.assert_close(grad, expected_grad)


def test_gradient_by_finite_differences() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(integral3d, (logits,))


def test_certain_bin_is_found() -> None:
    logits = torch.zeros(1, 1, 6, 7, 8)
    logits[0, 0, 2, 5, 3] = 100
    torch.testing.assert_close(integral3d(logits), torch.tensor([[[3.0, 5.0, 2.0]]]))


def test_float32_under_autocast_and_for_half_logits() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 2, 64, 16, 16).bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cells = integral3d(logits)
    assert cells.dtype == torch.float32
    torch.testing.assert_close(cells, _naive(logits.detach().double()).float(), rtol=1e-5, atol=1e-5)
    cells.sum().backward()
    assert logits.grad is not None
    assert logits.grad.dtype == torch.bfloat16


def test_unit_box() -> None:
    cells = torch.tensor([0.0, 31.5, 63.0])
    torch.testing.assert_close(
        to_unit(cells, (64, 64, 64)), torch.tensor([-0.5, 31.5 / 64 - 0.5, 63 / 64 - 0.5])
    )
    torch.testing.assert_close(
        to_unit(cells, (64, 64, 64), "center"), torch.tensor([0.5 / 64 - 0.5, 0.0, 0.5 - 0.5 / 64])
    )


class _Peak(TorchDispatchMode):
    """Bytes of tensor storage alive at once, beyond what was there before."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.known: set[int] = set()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, list | tuple) else [found]:
            if isinstance(tensor, torch.Tensor):
                self._watch(tensor.untyped_storage())
        self.most = max(self.most, self.now)
        return found

    def _watch(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self.known:
            return
        self.known.add(key)
        self.now += size

        def gone() -> None:
            self.known.discard(key)
            self.now -= size

        weakref.finalize(storage, gone)


def _peak_volumes(function: Callable[[torch.Tensor], torch.Tensor]) -> float:
    logits = torch.randn(1, 4, 64, 32, 32, requires_grad=True)
    with _Peak() as peak:
        (grad,) = torch.autograd.grad(function(logits).sum(), logits)
    assert grad.shape == logits.shape
    # Views of the logits show up in the meter, but they were there before.
    before = logits.nbytes if logits.untyped_storage()._cdata in peak.known else 0
    return (peak.most - before) / logits.nbytes


def test_one_copy_of_the_volume_at_a_time() -> None:
    assert _peak_volumes(integral3d) < 1.2
    # The same meter on the definition, to see that it measures.
    assert _peak_volumes(_naive) > 2.5
