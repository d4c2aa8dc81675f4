"""Image trunks: any timm model that gives feature maps, with ImageNet weights from timm or from a file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from posereg.errors import UserError

log = logging.getLogger(__name__)
PREFIXES = ("module.", "model.", "backbone.", "state_dict.")


def backbone(
    name: str,
    pretrained: bool = False,
    weights: str | None = None,
    width: float = 1.0,
    **options: Any,
) -> nn.Module:
    """A trunk with `feature_info`; its forward gives the list of feature maps, finest first.

    Args:
        name: timm model name, e.g. `resnet50`.
        pretrained: timm's own weights, downloaded once and cached. Ignored when `weights` is given.
        weights: a local file (.pth, .pt, .safetensors), torchvision's or timm's key names.
        width: factor on the channels of a ResNet, for reduced runs; excludes weights.
        options: passed on to timm.

    Raises:
        UserError: unknown name, weights that cannot be had or that do not fit.
    """
    if width != 1.0:
        if pretrained or weights:
            raise UserError(f"backbone {name}: pretrained weights need width 1, not {width}")
        options["channels"] = tuple(max(8, round(c * width)) for c in (64, 128, 256, 512))
        # timm's plain 7x7 stem is always 64 wide; the deep one can be narrowed with the rest.
        options |= {"stem_type": "deep", "stem_width": max(4, round(32 * width))}
    if not timm.is_model(name):
        close = timm.list_models(f"*{name[:6]}*")[:5]
        raise UserError(f"backbone.name: timm has no model '{name}'; near it: {', '.join(close) or 'none'}")
    try:
        model: nn.Module = timm.create_model(
            name, pretrained=pretrained and not weights, features_only=True, **options
        )
    except (RuntimeError, OSError, ValueError) as error:
        if not pretrained or weights:
            raise
        raise UserError(
            f"backbone {name}: the pretrained weights could not be downloaded ({type(error).__name__}); give a "
            "local file with backbone.weights=FILE, or train from scratch with backbone.pretrained=false"
        ) from error
    if weights:
        load_weights(model, weights)
    return model


def channels(trunk: nn.Module) -> list[int]:
    """Channels of each feature map, finest first."""
    found: list[int] = trunk.feature_info.channels()  # type: ignore[union-attr, operator]
    return found


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Tensors of a weights file, wrappers and prefixes removed.

    Raises:
        UserError: no such file, or no tensors in it.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"backbone.weights: no such file: {path}")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path))
    content: Any = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not any(isinstance(v, Tensor) for v in content.values()):
        raise UserError(f"backbone.weights: {path} holds no tensors")
    return {_bare(k): v for k, v in content.items() if isinstance(v, Tensor)}


def _bare(key: str) -> str:
    for prefix in PREFIXES:
        key = key.removeprefix(prefix)
    return key


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load what fits by name and shape, and print how much that was.

    Raises:
        UserError: nothing fits.
    """
    given = read_state_dict(path)
    wanted = model.state_dict()
    fitting = {
        k: v.to(wanted[k].dtype) for k, v in given.items() if k in wanted and v.shape == wanted[k].shape
    }
    missing = [k for k in wanted if k not in fitting and not k.endswith("num_batches_tracked")]
    if not fitting:
        raise UserError(
            f"backbone.weights: none of the {len(given)} tensors of {path} fits (the model wants e.g. "
            f"'{next(iter(wanted))}', the file has '{next(iter(given), 'nothing')}')"
        )
    model.load_state_dict(fitting, strict=False)
    unused = len(given) - len(fitting)
    text = f"{Path(path).name}: loaded {len(fitting)} tensors, {len(missing)} missing, {unused} unused"
    print(
        f"{text}; missing {', '.join(missing[:5])}" + (" ..." if len(missing) > 5 else "")
        if missing
        else text
    )
