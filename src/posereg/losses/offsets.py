"""Loss of discs and offset maps (UDP, Huang et al., CVPR 2020)."""

from __future__ import annotations

from torch import Tensor

from posereg.codecs.grid import Grid
from posereg.codecs.offsets import offsets_encode
from posereg.losses.integral import weighted_mean


def offsets_loss(
    discs: Tensor, offsets: Tensor, keypoints: Tensor, weight: Tensor, grid: Grid, radius: float
) -> tuple[Tensor, Tensor]:
    """Squared errors of the discs, and of the offsets within them.

    Each is a mean over all cells of the maps and over the joints that count, so that the offsets, which only the disc's
    cells have, weigh as little as the disc itself: otherwise they keep it from being learned. Both axes add up.

    Args:
        discs: (B, K, H, W). offsets: (B, K, 2, H, W), in radii.
        keypoints: (B, K, 2) input pixels, counted by `weight` (B, K).
        radius: input pixels.
    """
    inside, truth = offsets_encode(keypoints, grid, radius)
    of_discs = (discs - inside.float()).square().mean((2, 3))
    of_offsets = ((offsets - truth).square().sum(2) * inside).mean((2, 3))
    return weighted_mean(of_discs, weight), weighted_mean(of_offsets, weight)
