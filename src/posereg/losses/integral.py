"""Losses of the integral-regression family (sections 3 to 5; docs/papers/integral.md#losses).

A heat-map loss is a function (maps, keypoints, weight, grid) -> scalar that builds its own targets on the
device. Weights are 0 for joints that do not count; every loss is a mean over the joints that do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from posereg.codecs.disc import disc_maps
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.runs.processes import mean_denominator
from posereg.settings.ranges import Spread, Whole

HeatmapLoss = Callable[[Tensor, Tensor, Tensor, Grid], Tensor]
CoordinateKind = Literal["l1", "l2", "euclidean"]


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean (a scalar) of `values` under `weight` of the same shape; 0 when nothing counts."""
    return (values * weight).sum() / mean_denominator(weight.sum()).clamp_min(1e-6)


def gaussian_mse(
    maps: Tensor,
    keypoints: Tensor,
    weight: Tensor,
    grid: Grid,
    sigma: Spread = 1.0,
    rounded: bool = True,
) -> Tensor:
    """H1: mean squared error to a peak-1 Gaussian, mean over cells and counted joints.

    Targets are those of docs/papers/integral.md#targets.

    Args:
        maps: (B, K, h, w). keypoints: (B, K, 2) input pixels, counted by `weight` (B, K). sigma: in cells.
        rounded: the Gaussian stands on the nearest cell; else on the exact place (DARK's unbiased encoding).
    """
    target, weight = gaussian_maps(keypoints, weight, grid, sigma, rounded)
    return weighted_mean((maps.float() - target).square().mean((2, 3)), weight)


def one_hot_cross_entropy(maps: Tensor, keypoints: Tensor, weight: Tensor, grid: Grid) -> Tensor:
    """H2: cross-entropy of a softmax over all cells against the joint's cell (Mask R-CNN)."""
    cell, inside = grid.nearest(keypoints)
    index = (cell[..., 1] * grid.width + cell[..., 0]).clamp(0, grid.width * grid.height - 1)
    loss = functional.cross_entropy(maps.float().flatten(2).flatten(0, 1), index.flatten(), reduction="none")
    return weighted_mean(loss.view_as(weight), weight * inside)


def gaussian_cross_entropy(
    maps: Tensor, keypoints: Tensor, weight: Tensor, grid: Grid, sigma: Spread = 1.0
) -> Tensor:
    """Cross-entropy of a softmax over all cells against a Gaussian of unit mass about the exact keypoint.

    H2's loss with its one cell spread out, so that places between cells are learned too. Its least value is the
    Gaussian's entropy, not 0.

    Args:
        maps: (B, K, h, w) logits. keypoints: (B, K, 2) input pixels, counted by `weight` (B, K). sigma: in cells.
    """
    target, weight = gaussian_maps(keypoints, weight, grid, sigma, rounded=False, truncate=None)
    target = target.flatten(2)
    target = target / target.sum(2, keepdim=True).clamp_min(1e-6)
    values = -(target * torch.log_softmax(maps.float().flatten(2), dim=2)).sum(2)
    return weighted_mean(values, weight)


def disc_cross_entropy(
    maps: Tensor, keypoints: Tensor, weight: Tensor, grid: Grid, radius: Spread = 15.0, negatives: Whole = 3
) -> Tensor:
    """H3: binary cross-entropy, positive within `radius` input pixels, `negatives` random cells per positive.

    Negatives are drawn anew each step, uniformly from the other cells of the same map; the mean is over the
    chosen cells of a map, then over maps. A joint with no positive cell does not count.

    Args:
        maps: (B, K, h, w) logits. keypoints: (B, K, 2) input pixels, counted by `weight` (B, K).
    """
    logits = maps.float().flatten(2)
    positive = disc_maps(keypoints, grid, radius).flatten(2)
    count = positive.sum(-1)
    # A bound known before the step, so that nothing waits for the device.
    most = min(negatives * math.ceil(math.pi * (radius / grid.stride + 1) ** 2), logits.shape[-1])
    lottery = torch.rand_like(logits).masked_fill_(positive, -1.0)
    drawn = lottery.topk(most, dim=-1)
    chosen = (torch.arange(most, device=maps.device) < negatives * count[..., None]) & (drawn.values >= 0)
    of_negatives = (functional.softplus(logits.gather(-1, drawn.indices)) * chosen).sum(-1)
    of_positives = (functional.softplus(-logits) * positive).sum(-1)
    total = count + chosen.sum(-1)
    return weighted_mean((of_positives + of_negatives) / total.clamp_min(1), weight * (count > 0))


def coordinate_loss(predicted: Tensor, target: Tensor, weight: Tensor, kind: CoordinateKind = "l1") -> Tensor:
    """R1 and the joint loss of I: L1 (or squared L2) of coordinates (B, K, D), mean over counted coordinates; or their
    Euclidean distance, mean over counted joints."""
    difference = predicted.float() - target
    if kind == "euclidean":
        return weighted_mean(difference.norm(dim=-1), weight)
    values = difference.abs() if kind == "l1" else difference.square()
    return weighted_mean(values, weight[..., None].expand_as(values))
