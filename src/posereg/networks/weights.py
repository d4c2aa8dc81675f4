"""Weights files: tensors by name out of whatever people save them in, nothing executed."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from posereg.errors import UserError
from posereg.files import reading

# Where training programs keep the state dict inside their checkpoints.
WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "module", "state")
# Put before every name by torch.compile and by (distributed) data parallel wrappers, at any level.
WRAPPED = ("_orig_mod", "module")


def read_tensors(path: str | Path, key: str = "weights") -> dict[str, Tensor]:
    """All tensors of a .safetensors file, a state dict, or a checkpoint that holds one, by their bare names.

    Names lose the parts `_orig_mod` and `module`, which wrappers put there, and nothing else.

    Args:
        key: the setting that names the file, for messages.

    Raises:
        UserError: no such file, a damaged one, one that needs code to be run, or no tensors in it.
    """
    return tensors_of(read_weights(path, key), path, key)


def read_weights(path: str | Path, key: str = "weights") -> Any:
    """All that a weights file holds, whatever wrote it.

    Raises:
        UserError: as `read_tensors`, but for a file without tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{key}: no such file: {path}")
    if path.suffix != ".safetensors":
        return read_checkpoint(path)
    with reading(path, "a safetensors file"):
        from safetensors.torch import load_file

        return dict(load_file(path))


def tensors_of(content: Any, path: str | Path, key: str = "weights") -> dict[str, Tensor]:
    """The tensors in what `read_weights` read, by their bare names.

    Raises:
        UserError: there are none.
    """
    for name in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    named = content if isinstance(content, Mapping) else {}
    tensors = {bare(str(name)): value for name, value in named.items() if isinstance(value, Tensor)}
    if not tensors:
        raise UserError(f"{key}: {path} holds no tensors by name")
    return tensors


def read_checkpoint(path: str | Path) -> Any:
    """What torch.save wrote: tensors and plain values only, on the CPU.

    Raises:
        UserError: missing or damaged file, or one that holds objects, which only code from the file could build.
    """
    kind = "a file that torch.save wrote (of tensors and plain values)"
    with reading(path, kind):
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except UnpicklingError as error:  # torch's message advises to run what is in the file
            raise UserError(
                f"{path}: not {kind}, damaged, or of objects that only code could build"
            ) from error


def bare(name: str) -> str:
    """`module.backbone._orig_mod.conv1.weight` -> `backbone.conv1.weight`."""
    parts = name.split(".")
    return (
        ".".join(part for part in parts[:-1] if part not in WRAPPED)
        + ("." if len(parts) > 1 else "")
        + parts[-1]
    )


def without_prefix(tensors: Mapping[str, Tensor], wanted: Container[str]) -> dict[str, Tensor]:
    """The tensors by the names they have without the prefix (`model.`, `network.trunk.` ...) that hides most of the
    wanted names; as they are where no prefix does."""
    prefixes = {""}
    for name in tensors:
        parts = name.split(".")
        prefixes |= {".".join(parts[:k]) + "." for k in range(1, len(parts))}

    def stripped(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    def hits(prefix: str) -> int:
        return sum(name.removeprefix(prefix) in wanted for name in tensors if name.startswith(prefix))

    best = max(sorted(prefixes, key=len), key=hits)
    return stripped(best)


def load_fitting(model: nn.Module, tensors: Mapping[str, Tensor], source: str) -> list[str]:
    """Load the tensors that fit by name and shape, and print how many did; returns the names of the model's that
    did not get one.

    A network for another number of joints keeps its trunk that way: its last layers are named as new.

    Args:
        source: what the tensors are from, for messages.

    Raises:
        UserError: nothing fits.
    """
    wanted = model.state_dict()
    fitting = {
        k: v.to(wanted[k].dtype) for k, v in tensors.items() if k in wanted and v.shape == wanted[k].shape
    }
    if not fitting:
        raise UserError(
            f"{source}: none of the {len(tensors)} tensors fits (the model has e.g. '{next(iter(wanted), 'nothing')}', "
            f"the file '{next(iter(tensors), 'nothing')}')"
        )
    model.load_state_dict(fitting, strict=False)
    missing = [k for k in wanted if k not in fitting and not k.endswith("num_batches_tracked")]
    resized = [k for k in missing if k in tensors]
    text = f"{source}: {len(fitting)} of {len(wanted)} tensors loaded, {len(tensors) - len(fitting)} unused"
    if resized:
        text += f"; of another size, so started anew: {_some(resized)}"
    if others := [k for k in missing if k not in tensors]:
        text += f"; not in the file: {_some(others)}"
    print(text)
    return missing


def _some(names: list[str], count: int = 5) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
