"""PCK of the torso and PCP for the Leeds Sports Pose sets, person-centric.

PCK@a: a joint is correct within a * torso, torso = |left shoulder - right hip| of the ground truth; all labelled
joints pooled. People whose torso is not labelled (Leeds Sports Pose Extended) are excluded and counted.
PCP: a stick is correct if both its ends (strict) or the mean of their errors (loose) lie within half its
annotated length; the total is the mean of the ten sticks' rates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posereg.evaluation import pck
from posereg.evaluation.align import align
from posereg.records.evaluation import Evaluation, protocol
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import Skeleton

VERSION = (
    "pck-torso-1: distance <= threshold, pooled, person-centric; PCP strict 0.5; AUC trapezoid 0:0.01:0.2"
)
THRESHOLDS = np.arange(21) / 100
REPORTED = (0.2, 0.1, 0.05)
TOTALS = ("PCK@0.2", "PCK@0.1", "PCK@0.05", "AUC", "PCP")  # what a validation logs as val/<name>
# Columns of the PCP tables: sticks, each between two points, each point the mean of its joints.
STICKS: dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "Torso": ((("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")),),
    "Upper_leg": ((("right_hip",), ("right_knee",)), (("left_hip",), ("left_knee",))),
    "Lower_leg": ((("right_knee",), ("right_ankle",)), (("left_knee",), ("left_ankle",))),
    "Upper_arm": ((("right_shoulder",), ("right_elbow",)), (("left_shoulder",), ("left_elbow",))),
    "Forearm": ((("right_elbow",), ("right_wrist",)), (("left_elbow",), ("left_wrist",))),
    "Head": ((("neck",), ("head_top",)),),
}


def torso(
    keypoints: NDArray[np.floating], visibility: NDArray[np.integer], skeleton: Skeleton
) -> NDArray[np.float64]:
    """Torso diameters (N,) in pixels, |left shoulder - right hip|; NaN where an end is not labelled or they meet."""
    ends = [skeleton.joints.index(name) for name in ("left_shoulder", "right_hip")]
    points = np.asarray(keypoints, np.float64)[:, ends]
    size: NDArray[np.float64] = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1)
    size[(visibility[:, ends] == 0).any(axis=1) | (size == 0)] = np.nan
    return size


def evaluate(poses: PoseSet, predictions: Predictions, strict: bool = True) -> Evaluation:
    """Score poses predicted from the annotated boxes, for the LSP skeleton or any other with its joint names.

    Returns:
        metrics in percent: `PCK@0.2`, `PCK@0.1`, `PCK@0.05`, each with a column for every joint group (`PCK@0.2/Head`
        = mean of neck and head top ...); `AUC` over 0 to 0.2; `PCP` with `PCP/Torso`, `PCP/Upper_leg` ...
        per_person: `distance` (N, K) in torsos, `sticks` (N, 10) 1 correct, 0 wrong, NaN not labelled.

    Raises:
        UserError: predictions that do not fit.
    """
    aligned = align(poses, predictions)
    size = torso(poses.keypoints, poses.visibility, poses.skeleton)
    has_torso = np.isfinite(size)
    counted = (poses.visibility > 0) & has_torso[:, None]
    distance = pck.normalised_distance(poses.keypoints, aligned.keypoints, size, counted)
    correct, total = pck.hits(distance, THRESHOLDS)
    values = pck.rate(correct, total)
    metrics = {}
    for threshold in REPORTED:
        index = round(threshold * 100)
        metrics[f"PCK@{threshold:g}"] = float(values[index])
        for group, members in poses.skeleton.groups.items():
            metrics[f"PCK@{threshold:g}/{group}"] = pck.column(correct[index], total, members)
    metrics["AUC"] = pck.area_under(THRESHOLDS, values)
    sticks = stick_hits(poses, aligned.keypoints, strict)
    return Evaluation(
        metrics={**metrics, **_pcp(sticks)},
        curve={"thresholds": THRESHOLDS.tolist(), "values": values.tolist()},
        per_person={"distance": distance, "sticks": sticks},
        protocol=protocol(
            poses,
            predictions,
            "PCK",
            VERSION if strict else VERSION.replace("strict", "loose"),
            joints_counted=int(counted.sum()),
            people_without_prediction=aligned.missing,
            predictions_of_others=aligned.unknown,
            people_without_torso=int((~has_torso).sum()),
        ),
    )


def stick_hits(poses: PoseSet, predicted: NDArray[np.floating], strict: bool = True) -> NDArray[np.float64]:
    """PCP by person and stick (N, 10), in the order of `STICKS`: 1 correct, 0 wrong, NaN where not labelled."""
    joints = poses.skeleton.joints

    def ends(points: NDArray[np.floating], names: tuple[str, ...]) -> NDArray[np.floating]:
        return np.asarray(points[:, [joints.index(name) for name in names]].mean(axis=1))

    truth = poses.keypoints.astype(np.float64)
    columns = []
    for stick in (stick for group in STICKS.values() for stick in group):
        first, second = (ends(truth, names) for names in stick)
        half = 0.5 * np.linalg.norm(first - second, axis=-1)
        errors = np.stack(
            [np.linalg.norm(ends(predicted, names) - ends(truth, names), axis=-1) for names in stick]
        )
        # Comparing lengths, not ratios, so that a stick of no length needs no special case; NaN compares false.
        right = (errors <= half).all(axis=0) if strict else errors.mean(axis=0) <= half
        labelled = (poses.visibility[:, [joints.index(name) for names in stick for name in names]] > 0).all(
            axis=1
        )
        columns.append(np.where(labelled, right, np.nan))
    return np.stack(columns, axis=1)


def _pcp(sticks: NDArray[np.float64]) -> dict[str, float]:
    counted = ~np.isnan(sticks)
    correct, total = np.nansum(sticks, axis=0), counted.sum(axis=0).astype(np.float64)
    metrics = {"PCP": pck.column(correct, total, tuple(range(sticks.shape[1])))}
    start = 0
    for group, members in STICKS.items():
        metrics[f"PCP/{group}"] = pck.column(correct, total, tuple(range(start, start + len(members))))
        start += len(members)
    return metrics
