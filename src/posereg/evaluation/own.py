"""PCK by a length of the user's choice, OKS-AP and pixel errors, for data sets that have no metric of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError, nearest
from posereg.evaluation import oks, pck
from posereg.evaluation.align import align
from posereg.evaluation.average_precision import METRICS as AVERAGES
from posereg.evaluation.average_precision import ranked
from posereg.evaluation.sigmas import sigmas
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
            joints; `pixel_error: true`; `oks: true`, or `oks: {area: box}` for files without areas.

    Returns:
        metrics: `PCK@0.1` ... in percent, with `PCK@0.1/<column>` and `PCK@0.1/<joint>`; `error`, the mean distance in
        pixels of the picture, `median_error`, and both by joint, `error/<joint>`; AP AP50 AP75 AR AR50 AR75. Joints
        that were not predicted miss in PCK and count in no pixel error (`joints_not_predicted`).
        per_person: `distance` (N, K) in lengths, `pixels` (N, K), and what average precision is drawn from.

    Raises:
        UserError: predictions that do not fit, or a length of joints that the skeleton lacks.
    """
    wanted = metrics or {"pck": {}, "pixel_error": True}
    found: dict[str, float] = {}
    per_person: dict[str, NDArray[Any]] = {}
    counts: dict[str, Any] = {}
    words = ""
    if wanted.get("oks"):
        found, averages, counts = _oks(poses, predictions, wanted["oks"])
        words = f"; {oks.VERSION}"
        if (
            predictions.ids < 0
        ).all():  # poses that a bottom-up method found are nobody's: only AP matches them
            made = protocol(poses, predictions, "OKS", VERSION + words, **counts)
            return Evaluation(metrics=found, per_person=averages, protocol=made)
        per_person = averages
    aligned = align(poses, predictions)
    labelled = poses.visibility > 0
    pixels = pck.normalised_distance(poses.keypoints, aligned.keypoints, np.ones(len(poses)), labelled)
    per_person, curve = {"pixels": pixels, **per_person}, {}
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
        words += f"; PCK by {by if isinstance(by, str) else '-'.join(by)}"
    known = np.isfinite(pixels)
    if wanted.get("pixel_error"):
        per_person |= {"error:sum": np.where(known, pixels, 0).sum(axis=1), "error:count": known.sum(axis=1)}
        found["error"] = float(pixels[known].mean()) if known.any() else float("nan")
        found["median_error"] = float(np.median(pixels[known])) if known.any() else float("nan")
        for k, joint in enumerate(poses.skeleton.joints):
            own = pixels[known[:, k], k]
            found[f"error/{joint}"] = float(own.mean()) if len(own) else float("nan")
            found[f"median_error/{joint}"] = float(np.median(own)) if len(own) else float("nan")
    return Evaluation(
        metrics=found,
        curve=curve,
        per_person=per_person,
        lower_is_better=("error", "median_error"),
        protocol=protocol(
            poses,
            predictions,
            "PCK" if "pck" in wanted else "OKS" if wanted.get("oks") else "error",
            VERSION + words,
            joints_counted=int(labelled.sum()),
            joints_not_predicted=int(np.isinf(pixels).sum()),
            people_without_prediction=aligned.missing,
            predictions_of_others=aligned.unknown,
            **counts,
        ),
    )


def _oks(
    poses: PoseSet, predictions: Predictions, options: Any
) -> tuple[dict[str, float], dict[str, NDArray[Any]], dict[str, Any]]:
    """AP and AR in percent, what their intervals are drawn from, and what the protocol says of them.

    Raises:
        UserError: people without an area, unless the box's is asked for.
    """
    given = options.get("area", "annotated") if isinstance(options, Mapping) else "annotated"
    area = areas(poses, given)
    constants, origin = sigmas(poses, area)
    truth = as_coco(poses, area)
    shown = np.isin(predictions.image_ids, poses.image_ids)
    entries = [entry for entry, here in zip(oks.results(predictions), shown, strict=True) if here]
    evaluator = oks.run(truth, entries, constants.tolist(), poses.image_ids)
    values, _ = oks.figures(evaluator)
    said = {
        "oks_area": given,
        "oks_sigmas": origin,
        "oks_sigma_of": dict(zip(poses.skeleton.joints, constants.round(4).tolist(), strict=True)),
    }
    found = {name: values[name] for name in AVERAGES}
    return found, ranked(evaluator, poses.image_ids).arrays(), said


def areas(poses: PoseSet, which: str) -> NDArray[np.float64]:
    """(N,) the areas that OKS measures by, square pixels.

    Args:
        which: `annotated`, or `box` for that of the box.

    Raises:
        UserError: people whose area the annotations do not give.
    """
    if which == "box":
        return np.asarray(np.asarray(poses.extras["bbox"], np.float64)[:, 2:].prod(axis=1))
    area = np.asarray(poses.extras.get("area", np.full(len(poses), np.nan)), np.float64)
    if without := int(np.isnan(area).sum()):
        raise UserError(
            f"{poses.annotations}: {without} of {len(poses)} have no 'area', which OKS is measured by; add that of the "
            "outline, or say metrics.oks.area: box (boxes are larger than outlines, and so the AP is higher)"
        )
    return area


def as_coco(poses: PoseSet, area: NDArray[np.float64]) -> dict[str, Any]:
    """The people as COCO's annotations of one category; `area` (N,) square pixels."""
    points = np.concatenate([poses.keypoints, poses.visibility[..., None]], axis=-1).astype(np.float64)
    people = zip(
        poses.ids.tolist(),
        poses.image_ids[poses.person_image].tolist(),
        points.reshape(len(poses), -1).tolist(),
        (poses.visibility > 0).sum(axis=1).tolist(),
        np.asarray(poses.extras["bbox"], np.float64).tolist(),
        area.tolist(),
        strict=True,
    )
    names = ("id", "image_id", "keypoints", "num_keypoints", "bbox", "area")
    return {
        "images": [{"id": number} for number in poses.image_ids.tolist()],
        "annotations": [
            {**dict(zip(names, one, strict=True)), "category_id": 1, "iscrowd": 0} for one in people
        ],
        "categories": [{"id": 1, "name": poses.name}],
    }


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
