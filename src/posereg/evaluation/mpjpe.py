"""Mean per joint position error in millimetres, root-aligned, and after rigid Procrustes alignment.

As in the CHALL_H80K challenge: both poses are moved to their root (joint 0); MPJPE averages the 17 joints of
the challenge including the root, whose error is 0, but not the added thorax. PA-MPJPE first rotates and moves
the prediction onto the truth, without scaling, over all joints of the skeleton, and averages over all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.evaluation.align import align
from posereg.records.evaluation import Evaluation, protocol
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions

DIMENSIONS = 3  # of the joints that are scored; the others score 2
TOTALS = ("MPJPE", "PA-MPJPE")  # what a validation logs as val/<name>
VERSION = "mpjpe-1: root-aligned, 17 joints with the root, thorax not counted; PA rigid without scale"
Array = NDArray[np.float64]


def evaluate(poses: PoseSet, predictions: Predictions) -> Evaluation:
    """Score 3D poses against `extras["xyz"]` (N, K, 3) in millimetres.

    Returns:
        metrics in mm: `MPJPE`, `PA-MPJPE`, `MPJPE/<joint>`, and `MPJPE/<action>` where `extras["action"]` is known.
        per_person: `error` (N, K) root-aligned, `error_pa` (N, K); NaN for people without 3D annotation.

    Raises:
        UserError: no 3D annotation, or a person without a finite prediction (there is no error to assign).
    """
    if "xyz" not in poses.extras:
        raise UserError(
            f"{poses.name} {poses.split} ({poses.annotations}) has no 3D joints, which MPJPE needs"
        )
    truth = np.asarray(poses.extras["xyz"], np.float64)
    aligned = align(poses, predictions, dimensions=3)
    known = np.isfinite(truth).all(axis=(1, 2))
    lost = known & ~np.isfinite(aligned.keypoints).all(axis=(1, 2))
    if lost.any():
        raise UserError(
            f"{int(lost.sum())} of {len(poses)} people have no finite 3D prediction (first: id {poses.ids[lost][0]});"
            " MPJPE needs all"
        )
    error, error_pa = np.full(truth.shape[:2], np.nan), np.full(truth.shape[:2], np.nan)
    error[known] = root_error(aligned.keypoints[known], truth[known])
    error_pa[known] = np.linalg.norm(
        rigid_align(aligned.keypoints[known], truth[known]) - truth[known], axis=-1
    )
    return Evaluation(
        metrics=_metrics(error, error_pa, poses),
        per_person={"error": error, "error_pa": error_pa},
        lower_is_better=("MPJPE", "PA-MPJPE"),
        protocol=protocol(
            poses,
            predictions,
            "MPJPE",
            VERSION,
            people=int(known.sum()),
            people_without_3d=int((~known).sum()),
        ),
    )


def root_error(predicted: Array, truth: Array, root: int = 0) -> Array:
    """Distances (N, K) in the unit of the poses (N, K, 3), both relative to their root joint."""
    moved = (predicted - predicted[:, root : root + 1]) - (truth - truth[:, root : root + 1])
    return np.asarray(np.linalg.norm(moved, axis=-1))


def rigid_align(predicted: Array, truth: Array) -> Array:
    """Predictions (N, K, 3) rotated and moved onto the truth in the least-squares sense, no scale, no mirror."""
    center_p, center_t = predicted.mean(axis=1, keepdims=True), truth.mean(axis=1, keepdims=True)
    covariance = np.swapaxes(predicted - center_p, 1, 2) @ (truth - center_t)
    left, _, right = np.linalg.svd(covariance)
    # A negative determinant would mirror the pose: turn the weakest axis back.
    left[:, :, -1] *= np.sign(np.linalg.det(left @ right))[:, None]
    return np.asarray((predicted - center_p) @ (left @ right) + center_t)


def _metrics(error: Array, error_pa: Array, poses: PoseSet) -> dict[str, float]:
    joints = poses.skeleton.joints
    counted = [k for k, name in enumerate(joints) if not (poses.skeleton.name == "h80k" and name == "thorax")]
    if not np.isfinite(error).any():
        return {"MPJPE": float("nan"), "PA-MPJPE": float("nan")}
    metrics = {"MPJPE": float(np.nanmean(error[:, counted])), "PA-MPJPE": float(np.nanmean(error_pa))}
    per_joint = np.nanmean(error, axis=0)
    metrics |= {f"MPJPE/{name}": float(value) for name, value in zip(joints, per_joint, strict=True)}
    if "action" in poses.extras:
        action = poses.extras["action"]
        known = np.isfinite(error).all(axis=1)
        for name in np.unique(action[known]):
            metrics[f"MPJPE/{name}"] = float(error[(action == name) & known][:, counted].mean())
    return metrics
