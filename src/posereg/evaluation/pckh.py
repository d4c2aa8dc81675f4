"""PCKh of the MPII Human Pose data set, as its official toolkit computes it.

A joint is correct at threshold a if it lies within a * head size of the annotated one, head size = 0.6 * the
diagonal of the head box. Fourteen joints count (not pelvis and thorax), wherever they are annotated, occluded
or not; the total pools all joints of all people. A missing or NaN prediction is a miss.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.evaluation import pck
from posereg.evaluation.align import align
from posereg.records.evaluation import Evaluation, protocol
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions

VERSION = "pckh-1: 14 joints pooled, distance <= threshold, AUC trapezoid 0:0.01:0.5"
THRESHOLDS = np.arange(51) / 100
TOTALS = ("PCKh@0.5", "PCKh@0.1", "AUC")  # what a validation logs as val/<name>
NOT_COUNTED = ("pelvis", "thorax")
UPPER_BODY = ("wrist", "elbow", "shoulder")


def evaluate(poses: PoseSet, predictions: Predictions) -> Evaluation:
    """Score poses predicted from the annotated boxes.

    Returns:
        metrics in percent: `PCKh@0.5`, `PCKh@0.1`, `AUC` (trapezoid), `AUC/mean51` (mean of the 51 points), and for
        both thresholds a column for each joint group (`PCKh@0.5/Head` = mean of upper neck and head top ...),
        `/UBody` (wrists, elbows, shoulders pooled) and `/Head_top` (what most public code calls head).
        per_person: `distance` (N, K) in head sizes.

    Raises:
        UserError: predictions that do not fit, or a set without head sizes.
    """
    if "head_size" not in poses.extras:
        raise UserError(
            f"{poses.name} {poses.split} ({poses.annotations}) has no head boxes, which PCKh needs"
        )
    aligned = align(poses, predictions)
    skeleton = poses.skeleton
    head = np.asarray(poses.extras["head_size"], np.float64)
    has_head = head > 0
    counted = (poses.visibility > 0) & has_head[:, None]
    counted[:, [skeleton.joints.index(name) for name in NOT_COUNTED if name in skeleton.joints]] = False
    distance = pck.normalised_distance(poses.keypoints, aligned.keypoints, head, counted)
    return Evaluation(
        metrics=_metrics(distance, poses),
        curve=curve(distance),
        per_person={"distance": distance},
        protocol=protocol(
            poses,
            predictions,
            "PCKh",
            VERSION,
            joints_counted=int(counted.sum()),
            people_without_prediction=aligned.missing,
            predictions_of_others=aligned.unknown,
            people_without_head=int((~has_head).sum()),
        ),
    )


def curve(
    distance: NDArray[np.float64], thresholds: NDArray[np.float64] = THRESHOLDS
) -> dict[str, list[float]]:
    """Total in percent over the thresholds, from distances (N, K) in head sizes."""
    correct, counted = pck.hits(distance, thresholds)
    return {"thresholds": thresholds.tolist(), "values": pck.rate(correct, counted).tolist()}


def _metrics(distance: NDArray[np.float64], poses: PoseSet) -> dict[str, float]:
    correct, counted = pck.hits(distance, THRESHOLDS)
    total = pck.rate(correct, counted)
    joints = poses.skeleton.joints
    upper = tuple(k for k, name in enumerate(joints) if name.endswith(UPPER_BODY))
    metrics = {
        "PCKh@0.5": float(total[50]),
        "PCKh@0.1": float(total[10]),
        "AUC": pck.area_under(THRESHOLDS, total),
        "AUC/mean51": float(total.mean()),
    }
    for index in (50, 10):
        name = f"PCKh@{THRESHOLDS[index]:g}"
        for group, members in poses.skeleton.groups.items():
            metrics[f"{name}/{group}"] = pck.column(correct[index], counted, members)
        metrics[f"{name}/UBody"] = float(pck.rate(correct[index], counted, upper))
        if "head_top" in joints:
            metrics[f"{name}/Head_top"] = pck.column(correct[index], counted, (joints.index("head_top"),))
    return metrics


def by_labelled(
    poses: PoseSet, evaluation: Evaluation, of: str = "people", threshold: float = 0.5
) -> dict[int, tuple[float, int]]:
    """PCKh total against crowding or completeness.

    Args:
        of: `people`: number of labelled people on the person's image; `joints`: of the person's counted joints.

    Returns:
        For each number that occurs: PCKh@threshold in percent, and how many people stand behind it.

    Raises:
        UserError: unknown `of`.
    """
    distance = evaluation.per_person["distance"]
    counted = ~np.isnan(distance)
    if of == "people":
        labelled = (poses.visibility > 0).any(axis=1)
        on_image = np.bincount(poses.person_image[labelled], minlength=len(poses.images))
        number = on_image[poses.person_image]
    elif of == "joints":
        number = counted.sum(axis=1)
    else:
        raise UserError(f"PCKh by labelled '{of}': use 'people' or 'joints'")
    return by_number(distance, number, threshold)


def by_number(
    distance: NDArray[np.float64], number: NDArray[np.integer[Any]], threshold: float = 0.5
) -> dict[int, tuple[float, int]]:
    """Total at the threshold, in percent, and number of people for each value of `number` (N,) that occurs.

    Args:
        distance: (N, K) as in `evaluate`; people of whom nothing counts are left out.
    """
    counted = (~np.isnan(distance)).sum(axis=1)
    correct = (distance <= threshold).sum(axis=1)  # NaN, which is not counted, is not
    members = counted > 0
    values, group = np.unique(number[members], return_inverse=True)
    won, total = (np.bincount(group, weights=each[members]) for each in (correct, counted))
    people = np.bincount(group)
    return {int(value): (float(100 * won[k] / total[k]), int(people[k])) for k, value in enumerate(values)}
