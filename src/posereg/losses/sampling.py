"""Sampling-argmax (Li et al., NeurIPS 2021): the expected error of places drawn from a map, instead of the error of the
expected place, which any map with the right mean makes 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from posereg.codecs.grid import Grid
from posereg.losses.integral import weighted_mean
from posereg.settings.ranges import Positive, Whole


def sampled_distance(
    maps: Tensor,
    keypoints: Tensor,
    weight: Tensor,
    grid: Grid,
    samples: Whole = 30,
    temperature: Positive = 0.5,
    beta: Positive = 1.0,
) -> Tensor:
    """Mean L1 distance in cells of places drawn from the map's softmax, over the joints that count.

    A place is a cell, drawn so that it has a gradient (the Gumbel softmax at `temperature`: 0 is a true draw), and
    within it a triangular density from neighbour to neighbour, so that places between the cells are drawn too. The L1
    distance falls apart into the axes, so each is drawn for itself.

    Args:
        maps: (B, K, h, w) logits. keypoints: (B, K, 2) input pixels, counted by `weight` (B, K).
        samples: places a joint.
        beta: factor on the maps before the softmax.
    """
    exact = maps.to(torch.promote_types(maps.dtype, torch.float32))
    logs = (beta * exact).flatten(2).log_softmax(2).view(exact.shape)
    target = grid.cells(keypoints)
    terms = [
        (_places(logs.logsumexp(over), samples, temperature) - target[..., axis, None]).abs().mean(2)
        for axis, over in enumerate((2, 3))
    ]
    return weighted_mean(torch.stack(terms).mean(0), weight)


def _places(logs: Tensor, samples: int, temperature: float) -> Tensor:
    """`samples` places (B, K, S), in cells, drawn from log probabilities (B, K, cells)."""
    size = (*logs.shape[:2], samples, logs.shape[2])
    uniform = torch.rand(size, device=logs.device).clamp(1e-6, 1 - 1e-6)
    gumbel = -torch.log(-torch.log(uniform))
    chosen = ((logs[:, :, None] + gumbel) / temperature).softmax(-1)
    cells = torch.arange(logs.shape[2], device=logs.device, dtype=logs.dtype)
    # The difference of two uniforms has the triangular density on [-1, 1].
    within = torch.rand(size[:3], device=logs.device) - torch.rand(size[:3], device=logs.device)
    return (chosen * cells).sum(-1) + within
