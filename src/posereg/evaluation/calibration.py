"""Whether a method's confidence says how right it is: reliability, expected calibration error, rank correlation.

A joint's outcome is its similarity to the annotated place (COCO's exp(-d^2 / 2 s^2 k^2), the summand of OKS) where the
data set is scored so, else whether it is correct at the widest PCK threshold. Scores are taken as the method gives
them; those outside 0..1 count as 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.evaluation import crowdpose, keypoint_errors, oks
from posereg.evaluation.align import align
from posereg.evaluation.rank_correlation import Scored, correlation
from posereg.records.evaluation import Evaluation
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions

Array = NDArray[np.float64]
BINS = 10


@dataclass(frozen=True)
class Joints:
    """`score` and `outcome` (M,) of joints that count and were predicted, and the id of each one's `image` (M,).

    `of` names the outcome: `OKS`, `PCK@0.2`.
    """

    score: Array
    outcome: Array
    image: NDArray[np.int64]
    of: str


def summary(joints: Joints | None) -> dict[str, Any]:
    """What result.json keeps: `of`, `joints`, `ECE` and `correlation` (None where undefined) in percent, and the
    reliability curve `score`, `outcome` (percent, bins without joints left out) and `counts`; empty for no joints."""
    if joints is None or not len(joints.score):
        return {}
    score, outcome, counts = reliability(joints.score, joints.outcome)
    rank = correlation(joints.score, joints.outcome)
    return {
        "of": joints.of,
        "joints": len(joints.score),
        "ECE": expected_error(joints.score, joints.outcome),
        "correlation": None if np.isnan(rank) else 100 * rank,
        "score": (100 * score).tolist(),
        "outcome": (100 * outcome).tolist(),
        "counts": counts.tolist(),
    }


def arrays(joints: Joints | None, poses: PoseSet) -> dict[str, NDArray[Any]]:
    """What evaluation.npz keeps, from which intervals of the correlation are drawn; nothing where it is undefined."""
    if joints is None or not len(joints.score) or np.isnan([joints.score, joints.outcome]).any():
        return {}
    images = np.unique(poses.image_ids[poses.person_image])
    return Scored(images, np.searchsorted(images, joints.image), joints.score, joints.outcome).arrays()


def metrics(found: dict[str, Any]) -> dict[str, Any]:
    """`confidence/ECE` and `confidence/correlation` of a `summary`, as metrics of the run."""
    return {f"confidence/{name}": found[name] for name in ("ECE", "correlation") if found}


def scored_joints(poses: PoseSet, predictions: Predictions, evaluation: Evaluation) -> Joints | None:
    """The joints' scores beside what came of them; None for poses without a score that could be held against anything:
    3D ones, other metrics.

    Raises:
        UserError: annotations that are gone.
    """
    if evaluation.protocol.get("metric_version") in (oks.VERSION, crowdpose.VERSION):
        matched = keypoint_errors.matched_people(poses, predictions)
        found = predictions.keypoints[matched.detection]
        similarity = oks.joint_similarity(
            matched.truth, matched.area, found, np.asarray(poses.skeleton.sigmas, np.float64)
        )
        counts = matched.kind >= 0
        scores = predictions.keypoint_scores[matched.detection]
        image = predictions.image_ids[matched.detection[np.nonzero(counts)[0]]]
        return Joints(np.asarray(scores[counts], np.float64), similarity[counts], image, "OKS")
    names = [name for name in evaluation.metrics if "@" in name and "/" not in name]
    if "distance" not in evaluation.per_person or not names or predictions.keypoints.shape[-1] != 2:
        return None
    widest = max(names, key=lambda name: float(name.partition("@")[2]))
    distance, given = evaluation.per_person["distance"], align(poses, predictions).scores
    counts = np.isfinite(distance) & np.isfinite(given)
    image = poses.image_ids[poses.person_image[np.nonzero(counts)[0]]]
    return Joints(given[counts], 1.0 * (distance[counts] <= float(widest.partition("@")[2])), image, widest)


def reliability(score: Array, outcome: Array, bins: int = BINS) -> tuple[Array, Array, NDArray[np.int64]]:
    """Mean score, mean outcome and number of joints of every bin of equal width that holds any; (bins,) at most.

    Args:
        score: (M,) clipped to 0..1. outcome: (M,) 0..1.
    """
    clipped = np.clip(score, 0, 1)
    place = np.minimum((clipped * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    held = counts > 0
    sums = [np.bincount(place, weights=values, minlength=bins)[held] for values in (clipped, outcome)]
    return sums[0] / counts[held], sums[1] / counts[held], counts[held]


def expected_error(score: Array, outcome: Array, bins: int = BINS) -> float:
    """Expected calibration error in percent: the mean over joints of |mean score - mean outcome| of their bin (Guo et
    al. 2017)."""
    mean, came, counts = reliability(score, outcome, bins)
    return float(100 * counts @ np.abs(mean - came) / counts.sum())
