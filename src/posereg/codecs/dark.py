"""Maps -> keypoints by the maximum of the Gaussian that fits about their maximum (DARK, Zhang et al., CVPR 2020).

The logarithm of a Gaussian is a parabola: its value, slope and curvature at the maximum's cell say where between the
cells it is highest. Trained maps are smoothed first, with a Gaussian as wide as that of training.
"""

from __future__ import annotations

import torch
from torch import Tensor

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.grid import Grid

LEAST = 1e-10  # below it a map counts as that, for the logarithm


def dark_decode(maps: Tensor, grid: Grid, sigma: float = 1.0) -> tuple[Tensor, Tensor]:
    """Keypoints (B, K, 2) float32 in input pixels and the maxima (B, K) of the maps.

    Args:
        maps: (B, K, H, W), about Gaussians with peak 1.
        sigma: of the smoothing, in cells.

    A maximum on the map's border, or one about which the map is no hill with its top within a cell, stays where it is.
    """
    _, scores = argmax_decode(maps, grid)
    with torch.autocast(maps.device.type, enabled=False):
        smooth = smoothed(maps.detach().float(), sigma)
        peaks, _ = argmax_decode(smooth, Grid(grid.height, grid.width, 1.0, "corner"))
        return grid.pixels(peaks + _offsets(smooth, peaks)), scores


def smoothed(maps: Tensor, sigma: float) -> Tensor:
    """Maps (B, K, H, W) convolved with a Gaussian of `sigma` cells, cut at 3 sigma, 1 in sum; zero outside the maps."""
    height, width = maps.shape[-2:]
    # Two products with a band matrix: torch's convolution of single channels takes ten times as long on a CPU.
    return band(height, sigma, maps) @ maps @ band(width, sigma, maps)


def band(length: int, sigma: float, like: Tensor) -> Tensor:
    """The symmetric matrix (length, length) that convolves an axis as `smoothed` does, on a tensor's device."""
    reach = max(1, round(3 * sigma))
    near = torch.arange(-reach, reach + 1, device=like.device, dtype=like.dtype)
    total = torch.exp(-0.5 * (near / sigma) ** 2).sum()
    cells = torch.arange(length, device=like.device, dtype=like.dtype)
    distance = cells[:, None] - cells
    return torch.exp(-0.5 * (distance / sigma) ** 2) * (distance.abs() <= reach) / total


def _offsets(maps: Tensor, peaks: Tensor) -> Tensor:
    """How far from each peak the parabola through the logarithms of its 3 x 3 cells is highest, cells (B, K, 2)."""
    height, width = maps.shape[-2:]
    flat = maps.flatten(2)
    column, row = peaks.long().unbind(-1)
    inner = (column > 0) & (column < width - 1) & (row > 0) & (row < height - 1)
    column, row = column.clamp(1, width - 2), row.clamp(1, height - 2)

    def at(right: int, down: int) -> Tensor:
        index = (row + down) * width + column + right
        return flat.gather(2, index[..., None])[..., 0].clamp_min(LEAST).log()

    here = at(0, 0)
    dx, dy = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    dxx, dyy = at(1, 0) - 2 * here + at(-1, 0), at(0, 1) - 2 * here + at(0, -1)
    dxy = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4
    determinant = dxx * dyy - dxy**2
    hill = inner & (dxx < 0) & (determinant > 0)
    safe = torch.where(hill, determinant, 1.0)
    # Minus the inverse of the Hessian times the gradient.
    offset = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], dim=-1) / safe[..., None]
    near = hill & (offset.abs().amax(-1) <= 1)
    return torch.where(near[..., None], offset, 0.0)
