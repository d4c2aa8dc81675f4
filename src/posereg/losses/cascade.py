"""Losses of the part-heat-map cascade (section 3; docs/papers/cascade.md#losses).

Targets are built on the maps' device at the resolution of the maps, normally the input's. Visibility is 0 not
annotated, 1 annotated but hidden, 2 visible.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from posereg.codecs.disc import disc_maps
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.losses.integral import weighted_mean

Reduction = Literal["mean", "paper"]

# The paper's body is 200 px tall; MPII's standard box is 1.25 times the body
# (docs/papers/data_and_metrics.md#person-box).
BODY, BOX_PER_BODY = 200.0, 1.25


def body_size(boxes: Tensor, to_image: Tensor) -> Tensor:
    """Height (B,) in input pixels of an upright person who fills its standard box.

    Args:
        boxes: (B, 4) x1 y1 x2 y2, image pixels, padding included.
        to_image: (B, 2, 3) affine input -> image.
    """
    side = torch.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    image_per_input = torch.linalg.det(to_image[:, :, :2]).abs().sqrt()
    size: Tensor = side / BOX_PER_BODY / image_per_input
    return size


def part_cross_entropy(
    logits: Tensor,
    keypoints: Tensor,
    visibility: Tensor,
    grid: Grid,
    radius: float | Tensor = 10.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Eq. 1, l1 with its missing minus sign: pixel-wise sigmoid cross-entropy against discs.

    Detection is trained on visible parts: a hidden part has an empty map that counts, a part without
    annotation does not count.

    Args:
        logits: (B, K, H, W).
        keypoints: (B, K, 2) input pixels.
        radius: input pixels, one number or (B,): 10 for a body of 200 px, so `10 * body_size / 200`.
        reduction: `mean` over pixels, or their sum as in the `paper`; over parts the mean in both. The sum is
            H * W times the mean, so a learning rate of the paper, times H * W, takes the same step on the mean.
    """
    visible = (visibility == 2)[..., None, None]
    target = disc_maps(keypoints, grid, radius) & visible
    each = functional.binary_cross_entropy_with_logits(logits.float(), target.float(), reduction="none")
    return _reduced(each, visibility, reduction)


def confidence_l2(
    maps: Tensor,
    keypoints: Tensor,
    visibility: Tensor,
    grid: Grid,
    sigma: float | Tensor = 5.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Eq. 2, l2: squared error to a Gaussian of peak 1 for every annotated part, visible or not.

    Args:
        maps: (B, K, H, W).
        keypoints: (B, K, 2) input pixels.
        sigma: input pixels, one number or (B,); the paper's 5 px goes with a body of 200 px.
        reduction: as in `part_cross_entropy`.
    """
    annotated = (visibility > 0).float()
    cells = sigma / grid.stride
    target, _ = gaussian_maps(keypoints, annotated, grid, cells, rounded=False, truncate=None)
    return _reduced((maps.float() - target).square(), visibility, reduction)


def _reduced(each: Tensor, visibility: Tensor, reduction: Reduction) -> Tensor:
    per_map = each.mean((2, 3)) if reduction == "mean" else each.sum((2, 3))
    return weighted_mean(per_map, (visibility > 0).float())
