"""Tiny untrained models of every family whose maps are not flat, and their checkpoints."""

from pathlib import Path

import torch

from posereg import config as configs
from posereg.build import build_method
from posereg.methods.base import PoseModule

SMALL = ("backbone=resnet18", "backbone.pretrained=false", "width=0.25")
BOTTOM_UP = (
    "loader=bottomup",
    "data=synthetic_crowdpose",
    "backbone=hrnet_w18_small",
    "backbone.pretrained=false",
)

# One method a graph: H2, H3, I2, I3, I_star, dsnt, sampling ... differ from these in training alone. The ensemble has
# no network.
METHODS = {
    **dict.fromkeys(("H1", "R1", "MS_H1", "lateral"), SMALL),
    **dict.fromkeys(("simcc", "dark", "offsets", "rle", "vit_simple"), SMALL),
    # What a training measures at its start.
    **dict.fromkeys(("I1", "debiased", "MS_I1"), (*SMALL, "method.beta=1", "method.heatmap_weight=1")),
    **{f"cascade_res{kind}": SMALL for kind in ("", "_detection", "_regression", "_regreg")},
    "cascade_vgg": ("width=0.03125", "backbone.pretrained=false"),
    "softargmax": ("method.network.width=48",),
    "softargmax_context": ("method.network.width=48", "method.network.blocks=2"),
    "volume": (*SMALL, "data=synthetic_h80k"),
    "art": (*BOTTOM_UP, "width=0.25"),
    "art_high_resolution": (*BOTTOM_UP, "width=0.25"),
}


def plain_config(name: str, *more: str) -> dict[str, object]:
    """The resolved config of a tiny one with square inputs of 64 pixels."""
    given = [f"method={name}", *METHODS[name], "input_size=[64,64]", "flip_test=true", *more]
    return configs.plain(configs.compose(given))


def build(name: str, *more: str) -> PoseModule:
    """Seeded; statistics of noise in the batch norms and layers of ordinary size, so that maps have clear peaks."""
    torch.manual_seed(len(name))
    module = build_method(plain_config(name, *more))
    with torch.no_grad():
        for part in module.network.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.momentum = None  # the mean of all that it has seen
            elif isinstance(part, torch.nn.Conv2d | torch.nn.ConvTranspose2d | torch.nn.Linear):
                torch.nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        module.network.train()
        module.network(module.images({"image": noise(4, seed=1)}))
    return module.eval()


def noise(batch: int, seed: int = 0, size: tuple[int, int] = (64, 64)) -> torch.Tensor:
    """Images (B, H, W, 3) of coarse noise, uint8."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, 8, 8, generator=rng)
    grown = torch.nn.functional.interpolate(coarse, size=(size[1], size[0]), mode="bicubic").clamp(0, 1)
    return (255 * grown).permute(0, 2, 3, 1).to(torch.uint8).contiguous()


def save(module: PoseModule, name: str, path: Path, *more: str) -> Path:
    """A checkpoint of it."""
    torch.save({"state_dict": module.state_dict(), "posereg_config": plain_config(name, *more)}, path)
    return path
