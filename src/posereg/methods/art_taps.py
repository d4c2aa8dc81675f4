"""Where the adaptive convolution of ART's regression head looks, at people's centres (Figure 3 of the ART paper)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from posereg.codecs.art import person_centers
from posereg.codecs.grid import grid_of
from posereg.data.samples.scenes import crowd
from posereg.figures import taps as figure
from posereg.methods.base import PoseModule
from posereg.methods.seen import batch_of, evaluating
from posereg.networks.art import ARTNet
from posereg.records.poses import PoseSet


def draw(method: PoseModule, poses: PoseSet, path: Path, images: int = 4) -> bool:
    """Draw images with people, evenly spread over the set, into one PNG.

    Returns:
        False where there is nothing to draw: ordinary convolutions, or nobody is annotated.
    """
    network = method.network
    if not isinstance(network, ARTNet) or not network.regression_block.adaptive:
        return False
    labelled = (poses.visibility > 0).any(axis=1) & ~crowd(poses)
    rows = np.unique(poses.person_image[labelled])
    if not len(rows):
        return False
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, images).round().astype(int))]
    pictures = []
    for row in rows.tolist():
        batch = batch_of(method, poses, [row])
        # Real poses only; the sample has room for more.
        there = batch["person_mask"][0].bool() & (batch["visibility"][0] > 0).any(-1)
        keypoints, visibility = batch["keypoints"][0][there], batch["visibility"][0][there]
        with evaluating(method):
            taps = sampled(method, method.images(batch), keypoints, visibility)
        image = batch["image"][0].cpu().numpy()
        people = keypoints.cpu().numpy(), visibility.cpu().numpy()
        pictures.append(figure.drawn(image, taps.cpu().numpy(), *people, poses.skeleton))
    figure.write(path, pictures)
    return True


def sampled(method: PoseModule, image: Tensor, keypoints: Tensor, visibility: Tensor) -> Tensor:
    """Input pixels (M, 9, 2) xy that the regression head's first adaptive convolution reads at people's centres.

    Args:
        image: (1, 3, H, W) normalised. keypoints: (M, K, 2) input pixels, with visibility (M, K).
    """
    offsets: Tensor = method.network.regression_taps(image)[0]  # type: ignore[operator]
    grid = grid_of(offsets, (image.shape[-1], image.shape[-2]), method.convention)
    center = grid.cells(person_centers(keypoints, visibility > 0))
    cell = center.round().long()
    x, y = cell[:, 0].clamp(0, grid.width - 1), cell[:, 1].clamp(0, grid.height - 1)
    at = offsets[:, :, y, x].permute(2, 0, 1).flip(-1)  # (M, 9, 2), now (dx, dy)
    return grid.pixels(torch.stack([x, y], dim=-1)[:, None] + at)
