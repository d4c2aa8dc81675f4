"""Maps -> keypoints by the expectation about their maximum: between argmax, which is bound to cells, and the integral,
which far-off mass pulls along.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from posereg.codecs.grid import Grid

RADIUS = 2  # cells; a Gaussian of sigma 1 has 99 % of its mass within


def window_decode(maps: Tensor, grid: Grid, beta: float = 1.0, radius: int = RADIUS) -> tuple[Tensor, Tensor]:
    """Keypoints (B, K, 2) float32 in input pixels, and the share (B, K) of a map's softmax that lies in its window.

    Args:
        maps: (B, K, H, W), logits of a softmax over the cells.
        beta: factor on them before the softmax.
        radius: the window is 2 radius + 1 cells wide and centred on the maximum.
    """
    with torch.autocast(maps.device.type, enabled=False):
        flat = maps.detach().float().flatten(2) * beta
        peak = flat.argmax(dim=2)
        x, y = peak % grid.width, peak // grid.width
        probability = torch.softmax(flat, dim=2).view(maps.shape)
        padded = functional.pad(probability, (radius,) * 4)
        steps = torch.arange(2 * radius + 1, device=maps.device)
        # Place (row, column) of the window's first cell in the padded map is the peak's in the map itself.
        cells = (y[..., None, None] + steps[:, None]) * padded.shape[3] + x[..., None, None] + steps
        window = padded.flatten(2).gather(2, cells.flatten(2)).view(cells.shape)
        mass = window.sum((2, 3))
        offsets = steps - float(radius)
        across = (window.sum(2) * offsets).sum(2) / mass
        down = (window.sum(3) * offsets).sum(2) / mass
        return grid.pixels(torch.stack([x + across, y + down], dim=-1)), mass
