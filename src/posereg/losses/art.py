"""Losses of heat-map-guided bottom-up regression (ART, section 3.1; docs/papers/art.md)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from posereg.codecs.art import Targets
from posereg.codecs.art_maps import Compat, Maps
from posereg.runs.processes import mean_denominator

# How the parts of the loss are weighed: by the paper's equations, or as the released code, which made its tables.
Weighting = Literal["released", "equations"]


def losses(
    maps: Maps,
    targets: Targets,
    compat: Compat = "paper",
    weighting: Weighting = "released",
    background: float = 0.1,
    fine_background: float = 0.025,
    regression_weight: float = 0.01,
    beta: float = 1 / 9,
) -> dict[str, Tensor]:
    """`loss` and its parts `heatmap`, `center`, `offset`, before their weights (ART paper, Eqs. 4 to 6).

    `equations` are sums over an image, averaged over the batch, with lambda on offsets and centre map. The sum over
    all cells of all heat maps then outweighs the few cells around the centres: the regression hardly reaches the
    trunk. `released` takes means, the offsets' over what is weighted, and the centre map is one more heat map.

    The mask weighs the squared differences, as in the code: read literally, Eq. 4 would square the 0.1. HrHRNet
    trains each branch, HRNet their mean (code).

    Args:
        compat: whose mask: one for each type of keypoint, the centre among them where it is a heat map (`paper`), or
            one for all (`released`).
        background: weight of cells outside the keypoints' windows; 1 is the loss without trade-off.
        fine_background: the same for the heat maps at half the input.
        regression_weight: lambda.
        beta: where smooth L1 turns linear, in cells.
    """
    shared = compat == "released"
    drawn = targets.heatmaps.unsqueeze(1)
    joint_mask = drawn.amax(2, keepdim=True) if shared else drawn
    mask = _mask(
        torch.maximum(joint_mask, targets.centers.unsqueeze(1)) if shared else joint_mask, background
    )
    keep = 1.0 if targets.keep is None else targets.keep.unsqueeze(1).float()
    predicted = maps.heatmaps.unsqueeze(1) if maps.fine is None else maps.branches
    heat = (mask * keep * (predicted.float() - drawn).square()).sum((2, 3, 4))
    center_error = (maps.centers.float() - targets.centers).square().unsqueeze(1) * keep
    center_mask = mask if shared else _mask(targets.centers.unsqueeze(1), background)

    image, row, column = targets.cells.unbind(1)
    guessed = maps.offsets.float()[image, :, :, row, column]
    distance = F.smooth_l1_loss(guessed, targets.offsets, reduction="none", beta=beta)
    offset = (distance * targets.weights.unsqueeze(-1)).sum()

    images, branches, joints = len(heat), heat.shape[1], maps.heatmaps.shape[1]
    if weighting == "released":
        cells = drawn[0, 0, 0].numel() * images
        channels = branches * joints + 1
        heatmap, center = (
            heat.sum() / (cells * channels),
            (center_mask * center_error).sum() / (cells * channels),
        )
        labelled = mean_denominator(targets.weights.count_nonzero())
        offset = offset / (2 * labelled).clamp(min=1)
        center_weight = 1.0
    else:
        heatmap, center = heat.mean(1).sum() / images, center_error.sum() / images
        offset = offset / images
        center_weight = regression_weight

    if maps.fine is not None and targets.fine is not None:
        heatmap = heatmap + _fine_loss(maps.fine, targets, shared, weighting, fine_background)
    total = heatmap + center_weight * center + regression_weight * offset
    return {"loss": total, "heatmap": heatmap, "center": center, "offset": offset}


def _fine_loss(
    predicted: Tensor, targets: Targets, shared: bool, weighting: Weighting, background: float
) -> Tensor:
    assert targets.fine is not None
    mask = _mask(targets.fine.amax(1, keepdim=True) if shared else targets.fine, background)
    if targets.keep is not None:
        mask = mask * F.interpolate(targets.keep.float(), scale_factor=2, mode="nearest")
    error = mask * (predicted.float() - targets.fine).square()
    return error.mean() if weighting == "released" else error.sum() / len(error)


def _mask(drawn: Tensor, background: float) -> Tensor:
    """1 where a keypoint was drawn, else the background's weight."""
    return torch.where(drawn > 0, 1.0, background)
