"""A joint as a disc and offset maps: the combined form of UDP (Huang et al., CVPR 2020)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from posereg.codecs.grid import grid_of
from posereg.codecs.offsets import offsets_decode
from posereg.losses.offsets import offsets_loss
from posereg.methods.base import Batch, PoseModule
from posereg.settings.ranges import NotNegative, Positive


class OffsetPose(PoseModule):
    """
    Args:
        radius: of the disc about a joint, as a share of the input's longer side.
        sigma: of the smoothing before decoding, in cells.
        offset_weight: factor on the loss of the offsets.
        pose: everything PoseModule takes.
    """

    score_rule = "disc maximum"

    def __init__(
        self,
        radius: Positive = 0.0546875,
        sigma: Positive = 1.0,
        offset_weight: NotNegative = 1.0,
        **pose: Any,
    ) -> None:
        super().__init__(**pose)
        self.radius = radius * max(self.input_size)
        self.sigma = sigma
        self.offset_weight = offset_weight

    def losses(self, images: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Squared errors of the discs and of the offsets within them."""
        keypoints, weight = self.labels(batch)
        discs, offsets = self.network(images)
        grid = grid_of(discs, self.input_size, self.convention)
        of_discs, of_offsets = offsets_loss(discs, offsets, keypoints, weight, grid, self.radius)
        return {"loss": of_discs + self.offset_weight * of_offsets, "disc": of_discs, "offset": of_offsets}

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (B, K, 2) in input pixels and scores; maps of the mirrored image are averaged."""
        discs, offsets = self.network(images)
        if self.flip_test:
            mirrored, other = self.network(images.flip(-1))
            discs = (discs + self.unflip_maps(mirrored)) / 2
            across, down = other[:, self.flip_order].flip(-1).unbind(2)
            back = torch.stack([-across, down], dim=2)
            offsets = (offsets + back) / 2
        grid = grid_of(discs, self.input_size, self.convention)
        return offsets_decode(discs, offsets, grid, self.radius, self.sigma)

    def seen(self, images: Tensor) -> dict[str, Any]:
        """The fields of `figures.maps.Seen`: the discs, and the keypoints."""
        return {"maps": self.network(images)[0], "keypoints": self.predict(images)[0]}
