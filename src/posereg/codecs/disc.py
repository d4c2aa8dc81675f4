"""Binary disc targets, 1 within a radius of the joint: integral's H3, the cascade's detection (both section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from posereg.codecs.grid import Grid


def disc_maps(keypoints: Tensor, grid: Grid, radius: float | Tensor) -> Tensor:
    """Boolean maps (B, K, H, W): true where the cell's input pixel lies within `radius` of the joint.

    Args:
        keypoints: (B, K, 2) input pixels.
        radius: input pixels; a number, or (B,) for one per sample.
    """
    keypoints = keypoints.float()
    given = radius.to(keypoints) if isinstance(radius, Tensor) else keypoints.new_full((1,), radius)
    reach = given.reshape(-1, 1, 1, 1)
    x = grid.pixels(torch.arange(grid.width, device=keypoints.device, dtype=torch.float32))
    y = grid.pixels(torch.arange(grid.height, device=keypoints.device, dtype=torch.float32))
    across = (x - keypoints[..., :1]) ** 2
    down = (y - keypoints[..., 1:]) ** 2
    return down[..., :, None] + across[..., None, :] <= reach**2
