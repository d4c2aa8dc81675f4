"""Image trunks: any timm model that gives feature maps, with ImageNet weights from timm or from a file.

Whatever the family, a trunk takes images of any input size and gives maps (B, C, H, W), finest first; their widths
and strides are asked from the model (`feature_info`).
"""

from __future__ import annotations

import logging
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import timm
import torch
from timm.utils.model import freeze
from torch import Tensor, nn
from torch.nn import functional as F

from posereg.errors import UserError
from posereg.networks.weights import load_fitting, read_tensors, without_prefix
from posereg.settings.ranges import Among, Annotated, Interval, Size

log = logging.getLogger(__name__)


def is_known(name: str) -> bool:
    """Whether timm has a model of that name, and weights of its tag where it has one (`resnet50.tv_in1k`)."""
    try:
        return bool(timm.is_model(name)) and timm.get_pretrained_cfg(name) is not None
    except RuntimeError:  # a tag that the model has not
        return False


TimmName = Annotated[str, Among(timm.list_models, is_known)]


def backbone(
    name: TimmName,
    pretrained: bool = False,
    weights: str | None = None,
    width: Annotated[float, Interval(ge=1 / 32, le=16)] = 1.0,
    frozen: Annotated[int, Interval(ge=0, le=5)] = 0,
    input_size: Size | None = None,
    **options: Any,
) -> nn.Module:
    """A trunk with `feature_info`; its forward gives the list of feature maps, finest first.

    Args:
        name: timm model name, e.g. `resnet50`.
        pretrained: timm's own weights, downloaded once and cached.
        weights: in their place a local file (.pth, .pt, .safetensors), torchvision's or timm's key names.
        width: factor on the channels of a ResNet, for reduced runs; excludes weights.
        frozen: feature maps, from the finest, whose layers stay as they are: no gradients, no new statistics.
        input_size: (W, H) pixels, for transformers that are built for one size.
        options: passed on to timm.

    Raises:
        UserError: unknown name, a size that timm cannot build it for, or weights that cannot be found, downloaded or
            fitted to the network.
    """
    if width != 1.0:
        if pretrained or weights:
            raise UserError(f"backbone {name}: pretrained weights need width 1, not {width}")
        options["channels"] = tuple(max(8, round(c * width)) for c in (64, 128, 256, 512))
        # timm's plain 7x7 stem is always 64 wide; the deep one can be narrowed with the rest.
        options |= {"stem_type": "deep", "stem_width": max(4, round(32 * width))}
    if not is_known(name):
        close = timm.list_models(f"*{name[:6]}*")[:5]
        raise UserError(f"backbone.name: timm has no model '{name}'; near it: {', '.join(close) or 'none'}")
    try:
        if input_size is not None:
            options |= _sized(name, input_size, options)
        model: nn.Module = timm.create_model(
            name, pretrained=pretrained and not weights, features_only=True, **options
        )
    except AssertionError as error:
        raise UserError(_refusal(name, input_size, error)) from error
    except (RuntimeError, OSError, ValueError) as error:
        if not pretrained or weights:
            raise
        raise UserError(
            f"backbone {name}: the pretrained weights could not be downloaded ({type(error).__name__}); give a "
            "local file with backbone.weights=FILE, or train from scratch with backbone.pretrained=false"
        ) from error
    if weights:
        load_weights(model, weights)
    model.timm_name = name  # type: ignore[assignment]
    _even_out(model)
    model.register_forward_hook(_covers)
    return _with_frozen(model, frozen)


def _with_frozen(trunk: nn.Module, count: int) -> nn.Module:
    if not count:
        return trunk
    stages: list[str] = trunk.feature_info.module_name()  # type: ignore[union-attr, operator]
    if count > len(stages):
        raise UserError(f"backbone.frozen={count}: the trunk has {len(stages)} feature maps")
    names = [name for name, _ in trunk.named_children()]
    stage = stages[count - 1]
    # A ResNet's layer is called as its map is, a pyramid of transformers has layers_0 for the map layers.0.
    last = [k for k, name in enumerate(names) if name in (stage.partition(".")[0], stage.replace(".", "_"))]
    if not last:
        raise UserError(
            "backbone.frozen: the trunk's feature maps are not layers of their own; 0 trains all of it"
        )
    freeze(trunk, names[: last[0] + 1])
    return trunk


def channels(trunk: nn.Module) -> list[int]:
    """Channels of each feature map, finest first."""
    counts: list[int] = trunk.feature_info.channels()  # type: ignore[union-attr, operator]
    return counts


def strides(trunk: nn.Module) -> list[int]:
    """Input pixels a cell of each feature map, finest first."""
    found: list[int] = trunk.feature_info.reduction()  # type: ignore[union-attr, operator]
    return found


def refused(network: nn.Module, input_size: Size) -> str | None:
    """Why a trunk of the network takes no images of `input_size` (W, H): timm's models say so by an error of their own
    when they see the first one, often without words. None if all take them. Looks at a copy on the CPU."""
    width, height = input_size
    for trunk in network.modules():
        if not hasattr(trunk, "timm_name"):
            continue
        try:
            with torch.inference_mode():
                deepcopy(trunk).cpu().float().eval()(torch.zeros(1, 3, height, width))
        except Exception as error:
            return _refusal(str(trunk.timm_name), input_size, error)
    return None


def _refusal(name: str, input_size: Size | None, error: Exception) -> str:
    size = f"images of {input_size[0]}x{input_size[1]} pixels" if input_size else "its own images"
    reason = " ".join(str(error).split())
    return (
        f"backbone {name}: timm's model does not take {size} ({type(error).__name__}{reason and ': '}{reason:.200}); "
        "some models take square images alone, or a single size: choose another input_size, or another backbone"
    )


def _sized(name: str, input_size: Size, options: dict[str, Any]) -> dict[str, Any]:
    """What timm must be told for images of that size: nothing for convolutions, the size for some transformers."""

    def built(**more: Any) -> nn.Module | None:
        # Without memory and without weights: a family that does not know an option says so.
        with suppress(TypeError), torch.device("meta"):
            model: nn.Module = timm.create_model(name, features_only=True, **options, **more)
            return model
        return None

    if "img_size" in options or built(dynamic_img_size=True) is not None:
        return {} if "img_size" in options else {"dynamic_img_size": True}
    plain = built()
    if plain is None:
        return {}
    size = tuple(reversed([_fitting(side, strides(plain)) for side in input_size]))
    for more in ({"img_size": size, "strict_img_size": False}, {"img_size": size}):
        if built(**more) is not None:
            return more
    return {}


def _fitting(side: int, reductions: list[int]) -> int:
    """The nearest side that the patches of a plain transformer cover exactly; pyramids pad by themselves."""
    patch = reductions[0]
    if len(reductions) == 1 or patch != reductions[-1]:
        return side
    return max(1, round(side / patch)) * patch


def _even_out(model: nn.Module) -> None:
    """Images of any size in, maps (B, C, H, W) out.

    Hooks rather than a module around the trunk, which would rename its weights. Patches that do not cover the image
    would leave its right and lower edge out and shift every map, so such images are resized first.
    """

    def resize(trunk: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        height, width = given[0].shape[-2:]
        size = [_fitting(side, strides(trunk)) for side in (height, width)]
        if size == [height, width]:
            return given
        return (F.interpolate(given[0], size=size, mode="bilinear", align_corners=False),)

    def channels_second(trunk: nn.Module, given: Any, maps: list[Tensor]) -> list[Tensor]:
        return [each.permute(0, 3, 1, 2) for each in maps]

    if len(set(strides(model))) == 1:
        model.register_forward_pre_hook(resize)
    if getattr(model, "output_fmt", "NCHW") == "NHWC":
        model.register_forward_hook(channels_second)


def _covers(trunk: nn.Module, given: tuple[Tensor, ...], maps: list[Tensor]) -> None:
    """A forward hook that sees in training whether the coarsest map covers the image. Some networks leave out its
    edges, where others pad it, so that their cells are not where a map of the whole image would have them. Those that
    were trained before may still predict.

    Raises:
        UserError: it does not.
    """
    if not trunk.training or torch.compiler.is_compiling():
        return
    height, width = given[0].shape[-2:]
    rows, columns = maps[-1].shape[-2:]
    stride = strides(trunk)[-1]
    if rows <= height / stride - 1 or columns <= width / stride - 1:
        raise UserError(
            f"backbone {trunk.timm_name}: its coarsest map of {width}x{height} pixels is {columns}x{rows} cells, "
            f"not {width / stride:g}x{height / stride:g}: it leaves out the image's edges; choose another backbone"
        )


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load what fits by name and shape, whatever the file puts before the trunk's names, and print how much that was.

    Raises:
        UserError: a file that cannot be read, or nothing in it fits.
    """
    tensors = read_tensors(path, "backbone.weights")
    load_fitting(model, without_prefix(tensors, model.state_dict()), f"backbone.weights: {Path(path).name}")
