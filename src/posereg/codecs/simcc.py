"""A joint as two classifications, one over columns and one over rows (SimCC, Li et al., ECCV 2022, section 3).

Each axis is cut into bins `split` times finer than pixels: bin i of an axis covers 1 / split pixels, and its centre is
where the pixel convention puts a cell of that stride.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from posereg.geometry.pixels import Convention, cell_to_pixel, pixel_to_cell

Labels = Literal["gaussian", "one_hot"]
Axes = tuple[Tensor, Tensor]  # (B, K, W split) over columns, (B, K, H split) over rows


def bins(input_size: tuple[int, int], split: float) -> tuple[int, int]:
    """How many bins the width and the height have."""
    return round(input_size[0] * split), round(input_size[1] * split)


def simcc_encode(
    keypoints: Tensor,
    input_size: tuple[int, int],
    split: float = 2.0,
    labels: Labels = "gaussian",
    sigma: float = 6.0,
    smoothing: float = 0.1,
    convention: Convention = "center",
) -> Axes:
    """Target probabilities of each axis, 1 in sum.

    Args:
        keypoints: (B, K, 2) input pixels.
        labels: `gaussian` about the joint's exact place; `one_hot`, the nearest bin, the rest shared equally.
        sigma: of the Gaussian, in bins.
        smoothing: what one-hot labels share out among all bins.
    """
    places = pixel_to_cell(keypoints.float(), 1 / split, convention)
    across, down = (
        _target(places[..., axis : axis + 1], count, labels, sigma, smoothing)
        for axis, count in enumerate(bins(input_size, split))
    )
    return across, down


def simcc_decode(
    logits: Axes, split: float = 2.0, convention: Convention = "center"
) -> tuple[Tensor, Tensor]:
    """Keypoints (B, K, 2) in input pixels, at the likeliest bins' centres, and scores (B, K): the lesser of the two
    axes' largest logits' probabilities."""
    probabilities = [axis.float().softmax(-1) for axis in logits]
    found = torch.stack([axis.argmax(-1) for axis in probabilities], dim=-1).float()
    score = torch.minimum(*(axis.amax(-1) for axis in probabilities))
    return cell_to_pixel(found, 1 / split, convention), score


def _target(place: Tensor, count: int, labels: Labels, sigma: float, smoothing: float) -> Tensor:
    distance = torch.arange(count, device=place.device) - place
    if labels == "gaussian":
        # Far outside the axis every value would vanish: the softmax of the exponent does not.
        return (-0.5 * (distance / sigma) ** 2).softmax(-1)
    nearest = torch.floor(place + 0.5).clamp(0, count - 1)
    hit = (torch.arange(count, device=place.device) == nearest).float()
    return hit * (1 - smoothing) + smoothing / count
