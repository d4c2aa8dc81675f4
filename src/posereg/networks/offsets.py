"""Heat-map network that also gives offset maps: three maps a joint (UDP, Huang et al., CVPR 2020)."""

from __future__ import annotations

from torch import Tensor, nn

from posereg.networks.backbone import channels
from posereg.networks.deconv import Deconvolutions, deconv_head
from posereg.settings.ranges import Channels, Count


class OffsetNet(nn.Module):
    """Images (B, 3, H, W) to discs (B, K, h, w) and offsets (B, K, 2, h, w) in radii of the disc."""

    def __init__(
        self,
        backbone: nn.Module,
        joints: Count,
        deconv_layers: Deconvolutions = 2,
        deconv_width: Channels = 256,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.joints = joints
        self.head = deconv_head(channels(backbone)[-1], 3 * joints, deconv_layers, deconv_width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images to discs and offsets."""
        maps = self.head(self.backbone(images)[-1]).unflatten(1, (self.joints, 3))
        return maps[:, :, 0], maps[:, :, 1:]
