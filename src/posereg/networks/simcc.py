"""Network of coordinate classification: each joint's map, flattened, to bins of columns and rows (SimCC, Li et al.,
ECCV 2022, Figure 2)."""

from __future__ import annotations

from torch import Tensor, nn

from posereg.codecs.simcc import Axes, bins
from posereg.networks.backbone import channels, strides
from posereg.networks.deconv import Deconvolutions, deconv_head
from posereg.settings.ranges import Channels, Count, Positive, Size


class SimCCNet(nn.Module):
    """Images (B, 3, H, W) of one size to logits (B, K, W split) of columns and (B, K, H split) of rows.

    Args:
        backbone: the trunk.
        input_size: (W, H) pixels; the two linear layers are made for it.
        split: bins a pixel.
        deconv_layers: upsampling before the classification; the paper's trunks work with none.
    """

    def __init__(
        self,
        backbone: nn.Module,
        joints: Count,
        input_size: Size,
        split: Positive = 2.0,
        deconv_layers: Deconvolutions = 0,
        deconv_width: Channels = 256,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = deconv_head(channels(backbone)[-1], joints, deconv_layers, deconv_width)
        stride = strides(backbone)[-1]
        width, height = (-(-side // stride) * 2**deconv_layers for side in input_size)
        self.columns, self.rows = (nn.Linear(width * height, count) for count in bins(input_size, split))

    def forward(self, images: Tensor) -> Axes:
        """Images (B, 3, H, W) to logits of columns and rows."""
        maps = self.head(self.backbone(images)[-1]).flatten(2)
        return self.columns(maps), self.rows(maps)
