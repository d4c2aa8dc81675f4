"""Loss of discs and offset maps (UDP, Huang et al., CVPR 2020)."""

from __future__ import annotations

from torch import Tensor

from posereg.codecs.grid import Grid
from posereg.codecs.offsets import offsets_encode
from posereg.losses.integral import weighted_mean


def offsets_loss(
    discs: Tensor, offsets: Tensor, keypoints: Tensor, weight: Tensor, grid: Grid, radius: float
) -> tuple[Tensor, Tensor]:
    """Squared errors of the discs, over all cells, and of the offsets, over the disc's cells alone.

    Each is a mean over cells and over the joints that count; a joint without a cell in its disc has no offsets.

    Args:
        discs: (B, K, H, W). offsets: (B, K, 2, H, W), in radii.
        keypoints: (B, K, 2) input pixels, counted by `weight` (B, K).
        radius: input pixels.
    """
    inside, truth = offsets_encode(keypoints, grid, radius)
    of_discs = (discs - inside.float()).square().mean((2, 3))
    cells = inside.sum((2, 3))
    of_offsets = ((offsets - truth).square().mean(2) * inside).sum((2, 3)) / cells.clamp_min(1)
    return weighted_mean(of_discs, weight), weighted_mean(of_offsets, weight * (cells > 0))
