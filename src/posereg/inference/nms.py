"""Pose non-maximum suppression over OKS, hard and soft, for all images of a data set at once.

The similarity of two detections is OKS with the mean of their box areas, all joints counted (G-RMI, Papandreou
et al. 2017, as in the public top-down codes). Similarities are computed in float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
# About a megabyte of pairwise similarities at a time: it stays in the cache.
PAIRS = 1 << 15


def oks_nms(
    keypoints: NDArray[np.floating],
    scores: NDArray[np.floating],
    areas: NDArray[np.floating],
    image_ids: NDArray[np.integer],
    sigmas: Sequence[float] | NDArray[np.floating],
    threshold: float = 0.9,
) -> NDArray[np.bool_]:
    """Greedy suppression by descending score: a pose goes if its OKS with a kept one exceeds the threshold.

    Args:
        keypoints: (D, K, 2) pixels; scores: (D,); areas: (D,) square pixels of the detections' boxes;
        image_ids: (D,) poses of different images never meet; sigmas: (K,).

    Returns:
        (D,) True for the poses kept. Among equal scores the earlier row wins.
    """
    keep = np.zeros(len(scores), bool)
    for rows, valid in _batches(scores, image_ids):
        similar = similarity(keypoints[rows], areas[rows], sigmas) > threshold
        alive = valid.copy()
        for first in range(rows.shape[1] - 1):
            later = alive[:, first + 1 :]
            later &= ~(similar[:, first, first + 1 :] & alive[:, first, None])
        keep[rows[alive]] = True
    return keep


def soft_oks_nms(
    keypoints: NDArray[np.floating],
    scores: NDArray[np.floating],
    areas: NDArray[np.floating],
    image_ids: NDArray[np.integer],
    sigmas: Sequence[float] | NDArray[np.floating],
    threshold: float = 0.9,
    max_poses: int = 20,
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Soft suppression: each pose taken lowers the others' scores by exp(-OKS^2 / threshold).

    Arguments as `oks_nms`; of every image the first `max_poses` taken are kept.

    Returns:
        kept (D,) and the lowered scores (D,), 0 for poses not kept.
    """
    keep, lowered = np.zeros(len(scores), bool), np.zeros(len(scores))
    for rows, valid in _batches(scores, image_ids):
        factor = np.exp(-np.square(similarity(keypoints[rows], areas[rows], sigmas)) / threshold)
        current = np.where(valid, scores[rows].astype(np.float64), -np.inf)
        images = np.arange(len(rows))
        for _ in range(min(max_poses, rows.shape[1])):
            best = current.argmax(axis=1)
            taken = current[images, best] > -np.inf
            chosen = rows[images[taken], best[taken]]
            keep[chosen] = True
            lowered[chosen] = current[images[taken], best[taken]]
            current[images[taken], best[taken]] = -np.inf
            waiting = current > -np.inf
            np.multiply(current, factor[images, best], out=current, where=waiting)
    return keep, lowered


def similarity(
    keypoints: NDArray[np.floating],
    areas: NDArray[np.floating],
    sigmas: Sequence[float] | NDArray[np.floating],
) -> Array:
    """OKS (B, D, D) between the D detections (B, D, K, 2) of each of B images, with the mean of the areas (B, D)."""
    x, y = (np.ascontiguousarray(np.moveaxis(keypoints[..., axis], -1, 0), np.float32) for axis in (0, 1))
    area = np.asarray(areas, np.float32)
    both = area[:, :, None] + area[:, None, :] + np.float32(np.spacing(1))
    total = np.zeros_like(both)
    for k, sigma in enumerate(np.asarray(sigmas, np.float32)):
        dx = x[k, :, :, None] - x[k, :, None, :]
        dy = y[k, :, :, None] - y[k, :, None, :]
        # In place: the joint's d^2 / (2 * mean area * (2 sigma)^2), then its kernel.
        dx *= dx
        dy *= dy
        dx += dy
        dx /= both
        dx *= -1 / (2 * sigma) ** 2
        total += np.exp(dx, out=dx)
    total /= len(x)
    return total


def _batches(
    scores: NDArray[np.floating], image_ids: NDArray[np.integer]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Images of similar size together: rows (B, D) by descending score, and a mask of those that are not padding."""
    if len(scores) == 0:
        return
    order = np.lexsort((np.arange(len(scores)), -scores, image_ids))
    _, start, count = np.unique(image_ids[order], return_index=True, return_counts=True)
    by_size = np.argsort(count, kind="stable")
    begin = 0
    while begin < len(by_size):
        # Sorted by size, so the last of a batch is its largest.
        batch = max(1, PAIRS // int(count[by_size[begin]]) ** 2)
        members = by_size[begin : begin + batch]
        places = np.arange(count[members[-1]])
        valid = places < count[members][:, None]
        yield order[start[members][:, None] + np.where(valid, places, 0)], valid
        begin += batch
