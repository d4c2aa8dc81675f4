"""Keypoints as a disc and two offset maps (UDP, Huang et al., CVPR 2020; before it Papandreou et al., CVPR 2017).

A cell within the radius of a joint belongs to it (class 1) and says how far the joint is, so that nothing is lost
between the cells.
"""

from __future__ import annotations

import torch
from torch import Tensor

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.dark import band, smoothed
from posereg.codecs.disc import disc_maps
from posereg.codecs.grid import Grid


def offsets_encode(keypoints: Tensor, grid: Grid, radius: float) -> tuple[Tensor, Tensor]:
    """Boolean discs (B, K, H, W) and offsets (B, K, 2, H, W) from each cell to the joint, in radii.

    Args:
        keypoints: (B, K, 2) input pixels.
        radius: of the disc, input pixels.
    """
    keypoints = keypoints.float()
    x, y = (
        grid.pixels(torch.arange(count, device=keypoints.device, dtype=torch.float32))
        for count in (grid.width, grid.height)
    )
    shape = (*keypoints.shape[:2], grid.height, grid.width)
    across = (keypoints[..., :1] - x)[..., None, :].expand(shape)
    down = (keypoints[..., 1:] - y)[..., None].expand(shape)
    return disc_maps(keypoints, grid, radius), torch.stack([across, down], dim=2) / radius


def offsets_decode(
    discs: Tensor, offsets: Tensor, grid: Grid, radius: float, sigma: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Keypoints (B, K, 2) float32 in input pixels and scores (B, K), the smoothed disc's maximum.

    The cell whose neighbourhood is surest is the disc's middle; its offset, smoothed alike, leads to the joint.

    Args:
        discs: (B, K, H, W), about 1 within the radius of a joint, else 0.
        offsets: (B, K, 2, H, W), x and y, in radii.
        sigma: of the smoothing, in cells.
    """
    with torch.autocast(discs.device.type, enabled=False):
        found, scores = argmax_decode(smoothed(discs.detach().float(), sigma), grid)
        column, row = torch.floor(grid.cells(found) + 0.5).long().unbind(-1)
        # Only what is smoothed at that one cell is read.
        offsets = offsets.float()
        down, across = band(grid.height, sigma, offsets)[row], band(grid.width, sigma, offsets)[column]
        near = torch.einsum("bkh,bkahw,bkw->bka", down, offsets, across)
        return found + radius * near, scores
