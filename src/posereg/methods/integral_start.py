"""What an integral row measures on training people before it trains, so that it starts where its heat map is
(docs/papers/integral.md#start-of-an-integral-row)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from posereg.methods.base import PoseModule
from posereg.methods.seen import batch_of, evaluating
from posereg.records.poses import PoseSet

PEOPLE = 256  # a mean over 4,000 joints: another 256 move neither number by more than a step
BATCH = 32


@dataclass(frozen=True)
class TrainingMaps:
    """The maps of some training people and what they should show.

    Attributes:
        stages: (N, K, H, W) for each stage of the network.
        keypoints: (N, K, 2) input pixels.
        weight: (N, K), 0 for joints that do not count.
    """

    stages: list[Tensor]
    keypoints: Tensor
    weight: Tensor


def training_maps(module: PoseModule, poses: PoseSet) -> TrainingMaps:
    """At most PEOPLE people, evenly from the whole set and without augmentation, through a network that gives maps.

    The same ones on every rank of a distributed run and at every start.
    """
    rows = np.linspace(0, len(poses) - 1, min(PEOPLE, len(poses))).astype(int)
    stages: list[list[Tensor]] = []
    labels: list[tuple[Tensor, Tensor]] = []
    for first in range(0, len(rows), BATCH):
        batch = batch_of(module, poses, rows[first : first + BATCH].tolist())
        with evaluating(module):
            stages.append([maps.float() for maps in module.network(module.images(batch))])
        labels.append(module.labels(batch))
    keypoints, weight = (torch.cat(column) for column in zip(*labels, strict=True))
    return TrainingMaps([torch.cat(column) for column in zip(*stages, strict=True)], keypoints, weight)


def pull(loss: Callable[[Sequence[Tensor]], Tensor], stages: Sequence[Tensor]) -> float:
    """Norm of a loss's gradient in the maps of all stages."""
    leaves = [maps.clone().requires_grad_() for maps in stages]
    with torch.enable_grad():
        gradients = torch.autograd.grad(loss(leaves), leaves)
    return float(torch.cat([gradient.flatten() for gradient in gradients]).norm())
