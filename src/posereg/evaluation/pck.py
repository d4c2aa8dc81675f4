"""Percentage of correct keypoints at any threshold, from normalised distances. Shared by PCKh and PCK."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posereg.records.poses import OCCLUDED, VISIBLE

Array = NDArray[np.float64]


def normalised_distance(
    truth: NDArray[np.floating],
    predicted: NDArray[np.floating],
    size: NDArray[np.floating],
    counted: NDArray[np.bool_],
) -> Array:
    """Distances (N, K) in units of `size` (N,): NaN where not counted, inf where the prediction is not finite."""
    difference = np.asarray(predicted, np.float64) - truth
    with np.errstate(invalid="ignore", divide="ignore"):
        distance: Array = (
            np.hypot(difference[..., 0], difference[..., 1]) / np.asarray(size, np.float64)[:, None]
        )
    distance[~np.isfinite(distance)] = np.inf
    distance[~counted] = np.nan
    return distance


def hits(distance: Array, thresholds: Array) -> tuple[Array, Array]:
    """Correct joints (T, K) at each of the ascending thresholds, distance <= threshold, and counted joints (K,)."""
    joints, steps = distance.shape[1], len(thresholds) + 1
    # The first threshold that a distance keeps to; NaN, which is not counted, keeps to none.
    first = np.searchsorted(thresholds, distance)
    tally = np.bincount((first + steps * np.arange(joints)).ravel(), minlength=steps * joints)
    correct = tally.reshape(joints, steps)[:, :-1].cumsum(axis=1).T
    return correct.astype(np.float64), (~np.isnan(distance)).sum(axis=0).astype(np.float64)


def rate(correct: Array, counted: Array, joints: tuple[int, ...] | None = None) -> Array:
    """Percent (...) pooled over the given joints (all if None) of (..., K); NaN if none is counted."""
    columns = slice(None) if joints is None else list(joints)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(100 * correct[..., columns].sum(axis=-1) / counted[columns].sum())


def column(correct: Array, counted: Array, joints: tuple[int, ...]) -> float:
    """Mean of the joints' rates in percent, as in the columns of the official tables; NaN if none is counted.

    `correct` and `counted` are numbers of people (K,) by joint.
    """
    chosen = [k for k in joints if counted[k] > 0]
    if not chosen:
        return float("nan")
    return float(np.mean([100 * correct[k] / counted[k] for k in chosen]))


def per_joint(distance: Array, joints: tuple[str, ...], threshold: float) -> dict[str, float]:
    """Percent correct of every joint by name, from distances (N, K); NaN for joints that never count."""
    correct, counted = hits(distance, np.array([threshold]))
    return {name: column(correct[0], counted, (k,)) for k, name in enumerate(joints)}


def by_visibility(
    distance: Array, visibility: NDArray[np.integer], threshold: float
) -> dict[str, tuple[float, int]]:
    """Percent correct and number of the `visible` and the `occluded` joints; both arrays (N, K)."""
    rows = {}
    for name, flag in (("visible", VISIBLE), ("occluded", OCCLUDED)):
        correct, counted = hits(np.where(visibility == flag, distance, np.nan), np.array([threshold]))
        rows[name] = (float(rate(correct, counted)[0]), int(counted.sum()))
    return rows


def area_under(thresholds: Array, values: Array) -> float:
    """Trapezoid integral of the curve (T,) over its range, rescaled so that a constant 100 gives 100."""
    return float(np.trapezoid(values, thresholds) / (thresholds[-1] - thresholds[0]))
