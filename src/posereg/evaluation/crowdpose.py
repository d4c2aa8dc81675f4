"""CrowdPose evaluation: OKS with its own joints, sigmas and area, and AP by crowding.

The arithmetic is that of the CrowdPose API, which all published figures come from: area = 0.53 * box width *
height; easy, medium and hard images have a crowd index below 0.2, below 0.8 and from 0.8 on (the paper that
introduced the set draws the first line at 0.1); those three are rounded to four digits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.evaluation import oks
from posereg.evaluation.average_precision import ranked
from posereg.records.evaluation import Deferred, Evaluation, protocol
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import CROWDPOSE

VERSION = "crowdpose-1: API arithmetic, area 0.53 w h, crowd index 0.2 and 0.8, maxDets 20"
SIGMAS = CROWDPOSE.sigmas or ()
AREA_OF_BOX = 0.53
EASY_BELOW, HARD_FROM = 0.2, 0.8
METRICS = ("AP", "AP50", "AP75", "AR", "AR50", "AR75")
TOTALS = (*METRICS, "AP_E", "AP_M", "AP_H")  # what a validation logs as val/<name>


def evaluate(poses: PoseSet, predictions: Predictions) -> Evaluation:
    """Score poses against the set's CrowdPose annotation file, on the images of the PoseSet.

    Metrics in percent: AP AP50 AP75 AR AR50 AR75 and AP_E AP_M AP_H by crowd index, NaN for a class of images
    without labelled people.

    Raises:
        UserError: predictions or annotations that do not fit.
    """
    truth = read_truth(poses.annotations)
    images = set(poses.image_ids.tolist())
    truth = {**truth, "images": [image for image in truth["images"] if image["id"] in images]}
    entries = [r for r in oks.results(predictions, oks.person_category(truth)) if r["image_id"] in images]
    scored = score(truth, entries, str(poses.annotations))
    return Evaluation(
        metrics=scored.metrics,
        per_person=scored.per_person,
        protocol=protocol(poses, predictions, "OKS CrowdPose", VERSION, **scored.protocol),
    )


def evaluate_files(annotations: Path | str, results_json: Path | str) -> Evaluation:
    """Score a results file in COCO layout (14 joints) against a CrowdPose annotation file.

    Raises:
        UserError: a file that is missing, broken, or does not fit the other.
    """
    truth = read_truth(annotations)
    entries = oks.results_of(results_json, truth, CROWDPOSE)
    scored = score(truth, entries, str(results_json))
    made = {"dataset": "crowdpose", "metric": "OKS CrowdPose", "metric_version": VERSION, **scored.protocol}
    return Evaluation(metrics=scored.metrics, protocol=made)


def read_truth(path: Path | str) -> oks.Json:
    """The annotation file with `area` = 0.53 * width * height of the box.

    Raises:
        UserError: not a CrowdPose annotation file.
    """
    truth = oks.read_truth(path, CROWDPOSE, areas=False)
    without = [image["id"] for image in truth["images"] if "crowdIndex" not in image]
    if without:
        raise UserError(f"{path}: image {without[0]} has no 'crowdIndex': not a CrowdPose annotation file")
    for entry in truth["annotations"]:
        if entry["num_keypoints"] and not any(entry["bbox"]):
            raise UserError(
                f"{path}: annotation {entry['id']} has no 'bbox', from which CrowdPose takes the area"
            )
        # The API multiplies in this order; another one differs in the last bit.
        entry["area"] = entry["bbox"][3] * entry["bbox"][2] * AREA_OF_BOX
    return truth


def score(truth: oks.Json, entries: list[oks.Json], where: str = "predictions") -> Evaluation:
    """Metrics of COCO-style results against a file from `read_truth`; the protocol holds the counts."""
    evaluator = oks.run(truth, entries, SIGMAS, where=where)
    values, undefined = oks.figures(evaluator)
    metrics = {name: values[name] for name in METRICS}
    missing = {k: v for k, v in undefined.get("undefined", {}).items() if k in metrics}
    counts: dict[str, int] = {}
    for name, members in _by_crowding(truth).items():
        counts[f"images_{name[-1]}"] = len(members)
        metrics[name] = _mean_precision(truth, entries, members, where)
        if np.isnan(metrics[name]):
            missing[name] = "no labelled person on images of this class"
    reasons = {"undefined": missing} if missing else {}
    images = np.array([image["id"] for image in truth["images"]], np.int64)
    return Evaluation(
        metrics=metrics,
        per_person=Deferred(lambda: ranked(evaluator, images).arrays()),
        protocol={**oks.counts(truth, entries), **counts, **reasons},
    )


def _mean_precision(truth: oks.Json, entries: list[oks.Json], images: NDArray[np.int64], where: str) -> float:
    """Percent, rounded as the API does; NaN where there are no labelled people."""
    if len(images) == 0:
        return float("nan")
    evaluator = oks.run(truth, entries, SIGMAS, images, where)
    precision = (evaluator.eval or {})["precision"][..., 0, 0]
    return 100 * round(float(precision.mean()), 4) if precision.min() >= 0 else float("nan")


def _by_crowding(truth: oks.Json) -> dict[str, NDArray[np.int64]]:
    ids = np.array([image["id"] for image in truth["images"]], np.int64)
    index = np.array([image["crowdIndex"] for image in truth["images"]], np.float64)
    easy, hard = index < EASY_BELOW, index >= HARD_FROM
    return {"AP_E": ids[easy], "AP_M": ids[~easy & ~hard], "AP_H": ids[hard]}
