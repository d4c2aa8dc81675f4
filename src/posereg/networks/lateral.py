"""A light heat-map network: deconvolutions of the last stage, each joined by the trunk's finer features.

The head of feature pyramids (Lin et al., CVPR 2017) with the 4x4 deconvolutions of the integral paper.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posereg.errors import UserError
from posereg.networks.backbone import channels
from posereg.settings.ranges import Annotated, Channels, Count, Interval

Doublings = Annotated[int, Interval(ge=1, le=4)]  # a trunk has features of that many finer sizes


class LateralNet(nn.Module):
    """Images (B, 3, H, W) to a list of one map tensor (B, K, H/s, W/s), s = 32 / 2^doublings.

    Each step doubles the maps and adds the trunk's features of that size, brought to `width` channels by a 1x1
    convolution. At 128 channels it costs a third of `HeatmapNet`'s head at 256.

    Raises:
        UserError: the trunk has fewer finer feature maps than there are doublings.
    """

    def __init__(
        self, backbone: nn.Module, joints: Count, doublings: Doublings = 3, width: Channels = 128
    ) -> None:
        super().__init__()
        self.backbone = backbone
        coarsest, *finer = channels(backbone)[::-1]
        if len(finer) < doublings:
            raise UserError(
                f"network.doublings={doublings}: the trunk has {len(finer)} finer feature maps; take fewer, or another "
                "backbone"
            )
        inputs = [coarsest] + [width] * (doublings - 1)
        self.up = nn.ModuleList(_doubling(count, width) for count in inputs)
        self.lateral = nn.ModuleList(_projection(count, width) for count in finer[:doublings])
        self.maps = nn.Conv2d(width, joints, 1)
        nn.init.normal_(self.maps.weight, std=0.001)
        if self.maps.bias is not None:
            nn.init.zeros_(self.maps.bias)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) to a list of one map tensor."""
        coarsest, *finer = self.backbone(images)[::-1]
        x = coarsest
        for up, lateral, features in zip(self.up, self.lateral, finer, strict=False):
            x = torch.relu(up(x) + lateral(features))
        return [self.maps(x)]


def _doubling(inputs: int, width: int) -> nn.Sequential:
    up = nn.ConvTranspose2d(inputs, width, 4, stride=2, padding=1, bias=False)
    return _normalised(up, width)


def _projection(inputs: int, width: int) -> nn.Sequential:
    return _normalised(nn.Conv2d(inputs, width, 1, bias=False), width)


def _normalised(convolution: nn.Conv2d | nn.ConvTranspose2d, width: int) -> nn.Sequential:
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(width))
