"""Image trunks: any timm model that gives feature maps, with ImageNet weights from timm or from a file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import timm
from timm.utils.model import freeze
from torch import nn

from posereg.errors import UserError
from posereg.networks.weights import load_fitting, read_tensors, without_prefix
from posereg.settings.ranges import Among, Annotated, Interval

log = logging.getLogger(__name__)
TimmName = Annotated[str, Among(timm.list_models, timm.is_model)]


def backbone(
    name: TimmName,
    pretrained: bool = False,
    weights: str | None = None,
    width: Annotated[float, Interval(ge=1 / 32, le=16)] = 1.0,
    frozen: Annotated[int, Interval(ge=0, le=5)] = 0,
    **options: Any,
) -> nn.Module:
    """A trunk with `feature_info`; its forward gives the list of feature maps, finest first.

    Args:
        name: timm model name, e.g. `resnet50`.
        pretrained: timm's own weights, downloaded once and cached. Ignored when `weights` is given.
        weights: a local file (.pth, .pt, .safetensors), torchvision's or timm's key names.
        width: factor on the channels of a ResNet, for reduced runs; excludes weights.
        frozen: feature maps, from the finest, whose layers stay as they are: no gradients, no new statistics.
        options: passed on to timm.

    Raises:
        UserError: unknown name, or weights that cannot be found, downloaded or fitted to the network.
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
    return _with_frozen(model, frozen)


def _with_frozen(trunk: nn.Module, count: int) -> nn.Module:
    if not count:
        return trunk
    stages: list[str] = trunk.feature_info.module_name()  # type: ignore[union-attr, operator]
    if count > len(stages):
        raise UserError(f"backbone.frozen={count}: the trunk has {len(stages)} feature maps")
    names = [name for name, _ in trunk.named_children()]
    freeze(trunk, names[: names.index(stages[count - 1].partition(".")[0]) + 1])
    return trunk


def channels(trunk: nn.Module) -> list[int]:
    """Channels of each feature map, finest first."""
    counts: list[int] = trunk.feature_info.channels()  # type: ignore[union-attr, operator]
    return counts


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load what fits by name and shape, whatever the file puts before the trunk's names, and print how much that was.

    Raises:
        UserError: a file that cannot be read, or nothing in it fits.
    """
    tensors = read_tensors(path, "backbone.weights")
    load_fitting(model, without_prefix(tensors, model.state_dict()), f"backbone.weights: {Path(path).name}")
