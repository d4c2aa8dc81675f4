"""The simple decoder of ViTPose (Xu et al., NeurIPS 2022): maps by plain upsampling, for trunks that need no more."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from posereg.networks.backbone import channels
from posereg.settings.ranges import Annotated, Count, Interval


class UpsampleNet(nn.Module):
    """Images (B, 3, H, W) to a list of one map tensor (B, K, factor h, factor w), h x w the trunk's last features:
    ReLU, bilinear upsampling, a 3x3 convolution.

    ViTPose's classic decoder, two deconvolutions, is `HeatmapNet`.
    """

    def __init__(
        self, backbone: nn.Module, joints: Count, factor: Annotated[int, Interval(ge=1, le=32)] = 4
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.factor = factor
        self.head = nn.Conv2d(channels(backbone)[-1], joints, 3, padding=1)
        nn.init.normal_(self.head.weight, std=0.001)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) to a list of one map tensor."""
        features = functional.relu(self.backbone(images)[-1])
        return [self.head(functional.interpolate(features, scale_factor=self.factor, mode="bilinear"))]
