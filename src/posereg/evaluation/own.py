"""PCK by a length of the user's choice and pixel errors, for data sets that have no metric of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError, nearest
from posereg.evaluation import pck
from posereg.evaluation.align import align
from posereg.records.evaluation import Evaluation, protocol
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions

VERSION = "own-1: distance <= threshold, labelled joints pooled"
LENGTHS = {"torso": ("left_shoulder", "right_hip"), "head": ("neck", "head_top")}
THRESHOLDS = np.arange(51) / 100


def evaluate(
    poses: PoseSet, predictions: Predictions, *, metrics: Mapping[str, Any] | None = None
) -> Evaluation:
    """Score poses predicted from the annotated boxes.

    Args:
        metrics: `pck: {by: ..., at: [thresholds]}`, the length being `box` (its longer side), `torso`, `head` or two
            joints; `pixel_error: true`.

    Returns:
        metrics: `PCK@0.1` ... in percent, with `PCK@0.1/<column>` and `PCK@0.1/<joint>`; `error`, the mean distance in
        pixels of the picture, `median_error`, and `error/<joint>`. Joints that were not predicted miss in PCK and
        count in no pixel error (`joints_not_predicted`).
        per_person: `distance` (N, K) in lengths, `pixels` (N, K).

    Raises:
        UserError: predictions that do not fit, or a length of joints that the skeleton lacks.
    """
    wanted = metrics or {"pck": {}, "pixel_error": True}
    aligned = align(poses, predictions)
    labelled = poses.visibility > 0
    pixels = pck.normalised_distance(poses.keypoints, aligned.keypoints, np.ones(len(poses)), labelled)
    found: dict[str, float] = {}
    per_person, curve, words = {"pixels": pixels}, {}, ""
    if "pck" in wanted:
        options = wanted["pck"] or {}
        by, at = options.get("by", "box"), options.get("at", [0.05, 0.1, 0.2])
        size = length(poses, by)
        counted = labelled & (size > 0)[:, None]
        distance = np.where(counted, pixels / np.where(size > 0, size, 1)[:, None], np.nan)
        found |= _pck(poses, distance, at)
        correct, total = pck.hits(distance, THRESHOLDS)
        curve = {"thresholds": THRESHOLDS.tolist(), "values": pck.rate(correct, total).tolist()}
        per_person["distance"] = distance
        words = f"; PCK by {by if isinstance(by, str) else '-'.join(by)}"
    known = np.isfinite(pixels)
    if wanted.get("pixel_error"):
        found["error"] = float(pixels[known].mean()) if known.any() else float("nan")
        found["median_error"] = float(np.median(pixels[known])) if known.any() else float("nan")
        for k, joint in enumerate(poses.skeleton.joints):
            own = pixels[known[:, k], k]
            found[f"error/{joint}"] = float(own.mean()) if len(own) else float("nan")
    return Evaluation(
        metrics=found,
        curve=curve,
        per_person=per_person,
        protocol=protocol(
            poses,
            predictions,
            "PCK" if "pck" in wanted else "error",
            VERSION + words,
            joints_counted=int(labelled.sum()),
            joints_not_predicted=int(np.isinf(pixels).sum()),
            people_without_prediction=aligned.missing,
            predictions_of_others=aligned.unknown,
        ),
    )


def length(poses: PoseSet, by: Any) -> NDArray[np.float64]:
    """(N,) the length that PCK's distances are measured in, pixels; NaN where its joints are not labelled.

    Raises:
        UserError: no such length, or the skeleton lacks its joints.
    """
    if by == "box":
        return np.asarray(np.asarray(poses.extras["bbox"], np.float64)[:, 2:].max(axis=1))
    ends = LENGTHS.get(by) if isinstance(by, str) else by
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        raise UserError(f"metrics.pck.by: must be box, torso, head or two joints, not {by!r}")
    for name in ends:
        if name not in poses.skeleton.joints:
            raise UserError(f"metrics.pck.by: no joint '{name}'{nearest(str(name), poses.skeleton.joints)}")
    at = [poses.skeleton.joints.index(name) for name in ends]
    points = poses.keypoints[:, at].astype(np.float64)
    size: NDArray[np.float64] = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1)
    size[(poses.visibility[:, at] == 0).any(axis=1)] = np.nan
    return size


def _pck(poses: PoseSet, distance: NDArray[np.float64], at: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    for threshold in at:
        correct, total = pck.hits(distance, np.array([threshold]))
        name = f"PCK@{threshold:g}"
        found[name] = float(pck.rate(correct, total)[0])
        for group, members in poses.skeleton.groups.items():
            found[f"{name}/{group}"] = pck.column(correct[0], total, members)
        found |= {
            f"{name}/{j}": v for j, v in pck.per_joint(distance, poses.skeleton.joints, threshold).items()
        }
    return found
