"""The maps of the bottom-up network: what it gives, and what targets, losses and grouping are written against."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor

# Where paper and released code differ: which of the two is followed.
Compat = Literal["paper", "released"]


class Maps(NamedTuple):
    """What the network says of a batch; h, w are a quarter of the input.

    Attributes:
        heatmaps: (B, K, h, w) mean of the branches.
        branches: (B, S, K, h, w) the S branches.
        centers: (B, 1, h, w).
        offsets: (B, K, 2, h, w) keypoint minus cell, (x, y) in cells.
        fine: (B, K, 2h, 2w) heat maps at half the input (HrHRNet), else None.
    """

    heatmaps: Tensor
    branches: Tensor
    centers: Tensor
    offsets: Tensor
    fine: Tensor | None
