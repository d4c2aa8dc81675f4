"""3D integral network: a volume of logits per joint (docs/papers/volume.md#architecture)."""

from __future__ import annotations

from torch import Tensor, nn

from posereg.networks.backbone import channels
from posereg.networks.deconv import Deconvolutions, deconv_head
from posereg.settings.ranges import Annotated, Channels, Count, Interval


class VolumeNet(nn.Module):
    """Images (B, 3, H, W) to logits (B, K, D, H/s, W/s), s = 32 / 2^layers; `codecs.volume` reads them.

    Channel k * D + d of the head is depth bin d of joint k.

    Args:
        backbone: a trunk down to stride 32 (ResNet-50 or 152 in the paper).
        joints: K.
        depth: D, as many bins as the map is wide: 64 for 256x256 input, 72 for 288x384.
        deconv_layers, deconv_width: the head's deconvolutions.
    """

    def __init__(
        self,
        backbone: nn.Module,
        joints: Count = 18,
        depth: Annotated[int, Interval(ge=2, le=1024)] = 64,
        deconv_layers: Deconvolutions = 3,
        deconv_width: Channels = 256,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.depth = depth
        self.head = deconv_head(channels(backbone)[-1], joints * depth, deconv_layers, deconv_width)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) to logits (B, K, D, H/s, W/s)."""
        return self.head(self.backbone(images)[-1]).unflatten(1, (-1, self.depth))  # type: ignore[no-any-return]
