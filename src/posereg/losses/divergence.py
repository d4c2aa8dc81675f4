"""Divergence of a map's softmax from a Gaussian about the joint (DSNT, Nibali et al., 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.losses.integral import weighted_mean
from posereg.settings.ranges import Positive


def gaussian_jensen_shannon(
    maps: Tensor, keypoints: Tensor, weight: Tensor, grid: Grid, sigma: Positive = 1.0, beta: Positive = 1.0
) -> Tensor:
    """Jensen-Shannon divergence, 0 to log 2, of the softmax from a Gaussian of unit mass; mean over counted joints.

    Args:
        maps: (B, K, h, w) logits. keypoints: (B, K, 2) input pixels, counted by `weight` (B, K). sigma: in cells.
        beta: factor on the maps before the softmax, that of the expectation.
    """
    target, weight = gaussian_maps(keypoints, weight, grid, sigma, rounded=False, truncate=None)
    target = target.flatten(2)
    target = target / target.sum(2, keepdim=True).clamp_min(1e-6)
    exact = maps.to(torch.promote_types(maps.dtype, torch.float32)).flatten(2)
    log_found = (beta * exact).log_softmax(2)
    found = log_found.exp()
    log_middle = ((found + target) / 2).clamp_min(1e-30).log()
    from_target = (torch.xlogy(target, target) - target * log_middle).sum(2)
    from_found = (found * (log_found - log_middle)).sum(2)
    return weighted_mean((from_target + from_found) / 2, weight)
