"""Network of residual log-likelihood estimation: coordinates and their spread from pooled features, and the density
that training learns beside them (Li et al., ICCV 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posereg.networks.backbone import channels
from posereg.networks.flow import PlaneFlow
from posereg.settings.ranges import Count


class SpreadNet(nn.Module):
    """Images (B, 3, H, W) to normalised coordinates (B, K, 2) and their spread sigma (B, K, 2) in (0, 1).

    Args:
        backbone: the trunk.
        density: whether a `flow` is there to be trained; predictions do without.
    """

    def __init__(self, backbone: nn.Module, joints: Count, density: bool = True) -> None:
        super().__init__()
        self.backbone = backbone
        self.joints = joints
        width = channels(backbone)[-1]
        self.coordinates = nn.Linear(width, joints * 2)
        self.spread = nn.Linear(width, joints * 2)
        self.flow = PlaneFlow() if density else None
        for layer in (self.coordinates, self.spread):
            nn.init.xavier_uniform_(layer.weight, gain=0.01)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, 3, H, W) to coordinates and spread, float32."""
        pooled = self.backbone(images)[-1].mean((2, 3))
        # As the released code: coordinates of features of length 1, so that their size says nothing.
        unit = nn.functional.normalize(pooled, dim=1)
        coordinates = nn.functional.linear(unit, self.coordinates.weight) + self.coordinates.bias
        spread = torch.sigmoid(self.spread(pooled).float())
        shape = (-1, self.joints, 2)
        return coordinates.float().view(shape), spread.view(shape)
