"""HRNet trunk of the bottom-up networks: timm's, its four branches joined at a quarter of the input."""

from __future__ import annotations

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posereg.errors import UserError, nearest
from posereg.networks.backbone import backbone, channels
from posereg.settings.ranges import Among, Annotated

HRNetName = Annotated[str, Among(lambda: timm.list_models("hrnet*"))]


class HRNetTrunk(nn.Module):
    """The last stage's four branches, upsampled to the first and concatenated (docs/papers/art.md#architecture).

    Args:
        name: a timm HRNet, e.g. `hrnet_w32`, `hrnet_w48`, `hrnet_w18_small`.
        pretrained, weights: as in `backbone`; a file needs no classification head.

    Attributes:
        width: channels of the first branch; channels: of all four.

    Raises:
        UserError: no such network, or weights that cannot be downloaded or read, or do not fit.
    """

    joined = True  # one map, not a pyramid of them

    def __init__(
        self, name: HRNetName = "hrnet_w32", pretrained: bool = False, weights: str | None = None
    ) -> None:
        super().__init__()
        known = timm.list_models("hrnet*")
        if name not in known:
            raise UserError(f"backbone.name: no HRNet '{name}'{nearest(name, known)}")
        # Without the location timm would give the wider maps of its classification head.
        self.trunk = backbone(name, pretrained, weights, feature_location="", out_indices=(1, 2, 3, 4))
        widths = channels(self.trunk)
        self.width = widths[0]
        self.channels = sum(widths)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) normalised -> (B, channels, H/4, W/4). H and W are multiples of 32."""
        first, *coarse = self.trunk(images)
        size = first.shape[-2:]
        grown = [F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in coarse]
        return torch.cat([first, *grown], dim=1)
