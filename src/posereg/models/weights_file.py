"""A model in one file: half-precision tensors as safetensors, with what builds the network in the file's header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from posereg.errors import UserError
from posereg.files import reading, whole_file

SUFFIX = ".safetensors"
HEADER = "posereg"  # the entry of the file's metadata
VERSION = 1
KIND = "a model file of posereg"


def half(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, floats in half precision, whole numbers as they are.

    Raises:
        UserError: a value that is not finite, or too large for half precision.
    """
    small = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu()
        value = value.half() if value.is_floating_point() else value
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise UserError(
                f"tensor {name} holds values that half precision cannot (above 65,504, or not finite)"
            )
        small[name] = value.contiguous().clone()
    return small


def write(path: Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any], joints: list[str]) -> None:
    """Write the tensors in half precision, and the config that builds the method, into one file.

    Args:
        config: plain values: `method` and `row` of a run's resolved config.
        joints: of the method's skeleton, which a reader's skeleton of that name must have too.

    Raises:
        UserError: as `half`, or the file cannot be written.
    """
    from safetensors.torch import save_file

    header = {"version": VERSION, "config": dict(config), "joints": joints}
    with whole_file(path) as temporary:
        # One entry: several would be written in any order, and the same model would have many digests.
        save_file(half(tensors), temporary, {HEADER: json.dumps(header)})


def read(path: Path) -> tuple[dict[str, Any], list[str], dict[str, Tensor]]:
    """The config, the joints and the tensors of a model file. Nothing in it is executed.

    Raises:
        UserError: missing or damaged file, one without posereg's header, or one of a later version.
    """
    from safetensors import safe_open

    with reading(path, KIND):
        if not path.is_file():
            raise FileNotFoundError(path)
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if HEADER not in metadata:
                raise UserError(
                    f"{path}: not {KIND}: bare tensors, which do not say what network they are of; train or evaluate "
                    "with init_weights=FILE instead"
                )
            header = json.loads(metadata[HEADER])
            if header["version"] > VERSION:
                raise UserError(f"{path}: written by a later version of posereg; update it")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        config, joints = header["config"], header["joints"]
        if not isinstance(config, dict) or not isinstance(config.get("method"), dict):
            raise TypeError("its header holds no method")
    return config, list(joints), tensors
