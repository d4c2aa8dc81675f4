"""OKS's constants for joints that come without: how loosely each hangs on the others, at COCO's level.

COCO measured its own from people labelled twice (the spread of the second label about the first, over the square root
of the area). Most data sets are labelled once, so here it is estimated: each joint is put where the others lead one to
expect it, by ridge regression over all animals, and the spread of the labels about that place says how sharply a joint
is defined against the others. It holds the pose's own freedom too, and is therefore scaled to COCO's mean and kept
within its range: the order of the joints is the data's, the level COCO's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posereg.records.poses import PoseSet
from posereg.skeletons.skeleton import COCO

Array = NDArray[np.float64]
NOISE = 0.01  # what labels are trusted to, in square roots of the area: the penalty of the regression
FEWEST = 4  # animals a joint, below which nothing is estimated
KNOWN = np.array(COCO.sigmas)
MEAN = float(np.exp(np.log(KNOWN).mean()))
GIVEN, ESTIMATED, LEVEL = "given", "estimated from the annotations", "COCO's mean for every joint"


def sigmas(poses: PoseSet, area: Array) -> tuple[Array, str]:
    """The constants (K,), and where they are from: `GIVEN` by the skeleton, `ESTIMATED`, or `LEVEL` where the animals
    are too few.

    Args:
        area: (N,) square pixels.
    """
    if poses.skeleton.sigmas is not None:
        return np.array(poses.skeleton.sigmas, np.float64), GIVEN
    joints = len(poses.skeleton)
    if joints < 3 or len(poses) < FEWEST * joints:
        return np.full(joints, MEAN), LEVEL
    spread = _spread(poses.keypoints, poses.visibility > 0, area)
    if not (spread > 0).any():
        return np.full(joints, MEAN), LEVEL
    spread = np.where(spread > 0, spread, np.median(spread[spread > 0]))
    level = np.exp(np.log(spread).mean())
    return np.clip(spread * MEAN / level, KNOWN.min(), KNOWN.max()), ESTIMATED


def _spread(keypoints: NDArray[np.floating], labelled: NDArray[np.bool_], area: Array) -> Array:
    """Root mean square distance (K,) of each joint from where the others lead one to expect it, over the square root
    of the area; 0 where it is never labelled."""
    count = keypoints.shape[1]
    found = np.zeros(count)
    for joint in range(count):
        rest = np.delete(np.arange(count), joint)
        rows = labelled[:, joint] & labelled[:, rest].any(axis=1)
        if rows.any():
            found[joint] = _unexpected(keypoints[rows], labelled[rows], area[rows], joint, rest)
    return found


def _unexpected(
    keypoints: NDArray[np.floating],
    labelled: NDArray[np.bool_],
    area: Array,
    joint: int,
    rest: NDArray[np.int64],
) -> float:
    """The spread of one joint about its place as the `rest` predicts it, people who all have it labelled."""
    weight = labelled[:, rest, None].astype(np.float64)
    # About the middle of the others: the joint's own place must not be among what predicts it.
    middle = (keypoints[:, rest] * weight).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    points = (keypoints - middle) / np.sqrt(area)[:, None, None]
    usual = (points[:, rest] * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
    others = np.where(weight > 0, points[:, rest] - usual, 0).reshape(len(points), -1)
    target = points[:, joint] - points[:, joint].mean(axis=0)
    gram = others.T @ others + NOISE**2 * len(others) * np.eye(others.shape[1])
    left = target - others @ np.linalg.solve(gram, others.T @ target)
    return float(np.sqrt(np.square(left).sum(axis=1).mean() / 2))
