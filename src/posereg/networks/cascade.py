"""The part-heat-map cascade (Figure 1 of its paper): part detection maps guide a regression network."""

from __future__ import annotations

from typing import Literal, TypedDict

import torch
from torch import Tensor, nn


class CascadeMaps(TypedDict):
    """`detection` (B, K, H, W) raw maps of the first network at input resolution (logits of the part
    probabilities, or confidence maps where it was trained on Gaussians); `regression` (B, K, H, W)
    confidence maps of the second network, None without one."""

    detection: Tensor
    regression: Tensor | None


class Cascade(nn.Module):
    """Images (B, 3, H, W), normalised, to `CascadeMaps`.

    The rows of Table 5: detection+regression; detection only and regression only (`regressor=None`, the two
    differ in how they are trained); regression+regression (`stack="maps"`).

    Args:
        detector: images to (B, K, H, W) raw maps: `ResidualDetector`, `VGGDetector`.
        regressor: (B, K + 3, H, W) to (B, K, H, W): `HourglassRegressor`, `VGGRegressor`.
        stack: what is stacked on the image: the part `probabilities` (sigmoid), or the raw `maps` for a
            first network that regresses confidence maps itself.
    """

    def __init__(
        self,
        detector: nn.Module,
        regressor: nn.Module | None = None,
        stack: Literal["probabilities", "maps"] = "probabilities",
    ) -> None:
        super().__init__()
        self.detector = detector
        self.regressor = regressor
        self.stack = stack

    def forward(self, images: Tensor, detection_only: bool = False) -> CascadeMaps:
        """Images (B, 3, H, W), normalised, through both networks; the second sees the first's maps and the image.

        Args:
            detection_only: leave the second network out, while only the first is trained.
        """
        detection = self.detector(images)
        if self.regressor is None or detection_only:
            return {"detection": detection, "regression": None}
        guide = detection.sigmoid() if self.stack == "probabilities" else detection
        regression = self.regressor(torch.cat([guide, images], dim=1))
        return {"detection": detection, "regression": regression}
