"""Predictions in the order of the ground truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions


@dataclass(frozen=True)
class Aligned:
    """Predicted `keypoints` (N, K, 2 or 3) and their `scores` (N, K), one row for each person of the PoseSet, NaN for
    the `missing`."""

    keypoints: NDArray[np.float64]
    scores: NDArray[np.float64]
    missing: int
    unknown: int


def align(poses: PoseSet, predictions: Predictions, dimensions: int = 2) -> Aligned:
    """Look up each person's prediction by id.

    People without a prediction get NaN (a miss for every metric); predictions of people that are not in the
    set are left out and counted.

    Raises:
        UserError: wrong number of joints or dimensions, two predictions for one person, or none that fits.
    """
    joints = len(poses.skeleton)
    shape = predictions.keypoints.shape
    if shape[1:] != (joints, dimensions):
        raise UserError(
            f"predictions of {_shape(shape)} do not fit {poses.name} {poses.split}: expected people x {joints} joints"
            f" x {dimensions} coordinates"
        )
    ids, counts = np.unique(predictions.ids, return_counts=True)
    if len(ids) and ids[0] < 0:
        raise UserError(
            "these predictions are not tied to annotated people (id -1): this metric needs one pose for each person,"
            " predicted from the annotated boxes"
        )
    if (counts > 1).any():
        raise UserError(
            f"person {ids[counts > 1][0]} has {counts.max()} predictions: keep one for each person"
        )

    keypoints = np.full((len(poses), joints, dimensions), np.nan)
    scores = np.full((len(poses), joints), np.nan)
    order = np.argsort(poses.ids, kind="stable")
    place = np.searchsorted(poses.ids, predictions.ids, sorter=order)
    inside = place < len(poses)
    rows = order[np.minimum(place, max(len(poses) - 1, 0))] if len(poses) else place
    known = inside & (poses.ids[rows] == predictions.ids) if len(poses) else inside
    keypoints[rows[known]] = predictions.keypoints[known]
    scores[rows[known]] = predictions.keypoint_scores[known]
    if len(poses) and not known.any():
        raise UserError(
            f"none of the {len(predictions)} predictions has the id of a person in {poses.name} {poses.split}:"
            " was the file made from other annotations?"
        )
    return Aligned(keypoints, scores, missing=len(poses) - int(known.sum()), unknown=int((~known).sum()))


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape)
