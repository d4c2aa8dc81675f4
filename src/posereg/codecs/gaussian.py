"""Gaussian heat maps: keypoints -> maps (docs/papers/data_and_metrics.md#gaussian-targets)."""

from __future__ import annotations

import torch
from torch import Tensor

from posereg.codecs.constants import filled
from posereg.codecs.grid import Grid


def gaussian_maps(
    keypoints: Tensor,
    weight: Tensor,
    grid: Grid,
    sigma: float | Tensor = 1.0,
    rounded: bool = True,
    truncate: float | None = 3.0,
) -> tuple[Tensor, Tensor]:
    """Un-normalised Gaussians with peak 1, the outer product of one profile per axis.

    Args:
        keypoints: (B, K, 2) input pixels.
        weight: (B, K), 0 for joints that do not count.
        sigma: in cells; a number, or (B,) for one per sample.
        rounded: centre on the nearest cell, as the papers' code does; else on the exact position.
        truncate: zero beyond this many sigmas along an axis (3 gives the usual 7x7 window); None keeps all.

    Returns:
        Maps (B, K, H, W) and the weight (B, K), 0 where the whole window lies outside the map. Maps of
        joints without weight are zero.
    """
    cells = grid.cells(keypoints.float())
    if rounded:
        cells = torch.floor(cells + 0.5)
    spread = (sigma.to(cells) if isinstance(sigma, Tensor) else cells.new_full((1,), sigma)).reshape(-1, 1, 1)
    size = filled((grid.width, grid.height), cells)
    reach = spread * truncate if truncate is not None else torch.full_like(spread, torch.inf)
    inside = ((cells > -reach - 0.5) & (cells < size - 0.5 + reach)).all(-1)
    weight = weight * inside

    def profile(center: Tensor, length: int) -> Tensor:
        distance = torch.arange(length, device=cells.device) - center[..., None]
        values = torch.exp(-0.5 * (distance / spread) ** 2)
        return values if truncate is None else values * (distance.abs() <= reach + 1e-4)

    horizontal = profile(cells[..., 0], grid.width) * (weight > 0)[..., None]
    vertical = profile(cells[..., 1], grid.height)
    return vertical[..., :, None] * horizontal[..., None, :], weight
