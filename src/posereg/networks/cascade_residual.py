"""Residual part detector of the cascade (section 3.2, Table 3; docs/papers/cascade.md#residual).

Its regressor is in `hourglass`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional

from posereg.errors import UserError
from posereg.networks.backbone import channels
from posereg.networks.hourglass import bilinear_
from posereg.settings.ranges import Count


class ResidualDetector(nn.Module):
    """Images (B, 3, H, W) to part maps (B, K, H, W), raw (before the sigmoid). H and W divisible by `stride`.

    Args:
        backbone: a timm ResNet with feature maps down to stride 32; its last stage (B5) is set to
            stride 1 without dilation, as the paper names none, so its weights load unchanged. Table 3 prints 38
            blocks in B4; ResNet-152 has 36 and the text says B1 to B4 are the original ones. For the
            printed count build the backbone with timm's option `layers=[3, 8, 38, 3]`.
        joints: K.
        det_up: stride of the trained deconvolution B7. Table 3 prints 4, which takes the 16x16 map of a 256
            px image to 64x64, though the text wants the input's resolution: with 4 a fixed bilinear
            interpolation does the rest, with `stride` the deconvolution does it all.
        init: "All added layers were initialized with 0" (`printed`) cannot train: both gradients are products
            with the other's zero weights, only the last bias moves. `working` keeps the scoring layer B6 at
            zero and makes B7 bilinear, so that B6 learns from the first step.
        stride: of the trunk. 16 is the paper's; 8 keeps B4's resolution too, which gives a 128 px image of a
            reduced run the 16x16 map that the paper has at 256 px.

    Raises:
        UserError: the backbone is not a ResNet, `stride` is not 8, 16 or 32, or `det_up` does not divide it.
    """

    @staticmethod
    def disagreements(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Settings of a config node that do not go together (settings/parts.py)."""
        if node.get("stride", 16) % node.get("det_up", 4):
            yield "det_up", f"must divide the stride, {node.get('stride', 16)}"

    def __init__(
        self,
        backbone: nn.Module,
        joints: Count = 16,
        det_up: Literal[1, 2, 4, 8, 16, 32] = 4,
        init: Literal["working", "printed"] = "working",
        stride: Literal[8, 16, 32] = 16,
    ) -> None:
        super().__init__()
        if stride not in (8, 16, 32):
            raise UserError(f"detector.stride: 8, 16 (the paper's) or 32, not {stride}")
        if stride % det_up:
            raise UserError(
                f"detector.det_up: {det_up} does not divide the stride {stride}; the paper prints 4, full "
                f"resolution is {stride}"
            )
        self.backbone = backbone
        for stage in ("layer3", "layer4")[int(math.log2(stride)) - 3 :]:
            _keep_resolution(backbone, stage)
        self.score = nn.Conv2d(channels(backbone)[-1], joints, 1)  # B6
        self.up = nn.ConvTranspose2d(joints, joints, det_up, stride=det_up)  # B7
        for layer in (self.score, self.up):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        if init == "working":
            bilinear_(self.up)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) to raw part maps (B, K, H, W)."""
        maps: Tensor = self.up(self.score(self.backbone(images)[-1]))
        if maps.shape[-2:] == images.shape[-2:]:
            return maps
        return functional.interpolate(maps, size=images.shape[-2:], mode="bilinear", align_corners=False)


def _keep_resolution(backbone: nn.Module, name: str) -> None:
    """Stride 2 -> 1 in one stage."""
    stage = dict(backbone.named_children()).get(name)
    if stage is None:
        raise UserError("detector.backbone: the residual detector needs a ResNet (conv1, layer1 ... layer4)")
    for module in stage.modules():
        if isinstance(module, nn.Conv2d | nn.AvgPool2d | nn.MaxPool2d) and module.stride in (2, (2, 2)):
            module.stride = 1 if isinstance(module.stride, int) else (1, 1)
            if isinstance(module, nn.AvgPool2d):
                module.kernel_size = 1  # the pooled shortcut of ResNet-D
