"""The loss of 3D integral regression (volume paper, section 2; docs/papers/volume.md)."""

from __future__ import annotations

import torch
from torch import Tensor


def volume_loss(predicted: Tensor, target: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """L1 distances summed over joints and known coordinates, mean over samples, as in the released code.

    Args:
        predicted, target: (B, K, 3) x, y, z in units of the input's width, height and width.
        weight: (B, K, 3), 0 for coordinates that are not known.

    Returns:
        `loss`, and its parts `xy` and `z` without gradient.
    """
    distance = (predicted - target).abs() * weight
    x, y, z = (distance.sum((0, 1)) / len(predicted)).unbind()
    return {"loss": x + y + z, "xy": (x + y).detach(), "z": z.detach()}


def label_weights(visibility: Tensor, depth: Tensor) -> Tensor:
    """(B, K, 3) bool, which of x, y, z are known: labelled joints, and z where the depth is finite.

    Args:
        visibility: (B, K), 0 where not labelled; joints outside the input count: they pull to the border.
        depth: (B, K), NaN where it is not known (2D data sets).
    """
    labelled = visibility > 0
    return torch.stack([labelled, labelled, labelled & depth.isfinite()], dim=-1)
