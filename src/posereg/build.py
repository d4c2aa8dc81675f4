"""Builds methods from configs and from checkpoints."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from posereg import config as configs
from posereg.errors import UserError
from posereg.methods.base import PoseModule


def build_method(plain: dict[str, Any], weights: bool = True) -> PoseModule:
    """The LightningModule of a resolved config; without fetching backbone weights if `weights` is false."""
    node = {k: v for k, v in plain["method"].items() if k not in configs.METHOD_KEYS}
    if not weights:
        node = _without_weights(node)
    module: PoseModule = configs.instantiate(node)
    return module


def _without_weights(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_weights(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {k: _without_weights(v) for k, v in node.items()}
    return {**node, **{k: v for k, v in (("pretrained", False), ("weights", None)) if k in node}}


def load_network(module: PoseModule, path: Path) -> None:
    """Load the network's tensors from a checkpoint where names and shapes agree, and print how many did.

    Raises:
        UserError: nothing fits.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    own = module.state_dict()
    fitting = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise UserError(f"{path}: none of its {len(state)} tensors fits {type(module).__name__}")
    module.load_state_dict(fitting, strict=False)
    print(f"starting from {path}: {len(fitting)} of {len(own)} tensors")


def load_method(checkpoint: Path | str) -> PoseModule:
    """The trained module of a posereg checkpoint, in evaluation mode.

    Raises:
        UserError: missing file, or not a posereg checkpoint.
    """
    path = Path(checkpoint)
    if not path.is_file():
        raise UserError(f"checkpoint: no such file: {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        plain = content["posereg_config"]
    except (KeyError, RuntimeError, EOFError, ValueError, TypeError, pickle.UnpicklingError) as error:
        raise UserError(f"checkpoint: {path} is not a posereg checkpoint ({type(error).__name__})") from error
    configs.register_resolvers()
    module = build_method(plain, weights=False)
    module.load_state_dict(content["state_dict"])
    module.plain_config = plain
    return module.eval()
