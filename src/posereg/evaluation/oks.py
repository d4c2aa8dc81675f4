"""COCO keypoint evaluation: average precision and recall over object keypoint similarity (OKS).

The ten figures are pycocotools' (maxDets 20, OKS 0.50:0.05:0.95, 101 recall points); matching and accumulation
run in hotcoco, whose figures the tests hold equal to pycocotools'.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hotcoco
import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.evaluation.average_precision import ranked
from posereg.files import read_json, reading, write_json
from posereg.records.evaluation import Deferred, Evaluation, protocol
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import COCO

VERSION = "oks-1: pycocotools arithmetic, maxDets 20, OKS 0.50:0.05:0.95"
METRICS = ("AP", "AP50", "AP75", "AP_M", "AP_L", "AR", "AR50", "AR75", "AR_M", "AR_L")
TOTALS = METRICS  # what a validation logs as val/<name>
SIGMAS = COCO.sigmas or ()
Json = dict[str, Any]


def oks(
    gt_keypoints: NDArray[np.floating],
    gt_visibility: NDArray[np.integer],
    area: NDArray[np.floating] | float,
    det_keypoints: NDArray[np.floating],
    sigmas: Sequence[float] | NDArray[np.floating],
) -> NDArray[np.float64]:
    """Object keypoint similarity, broadcast over leading axes.

    The mean over labelled joints of exp(-d^2 / (2 * area * (2 sigma)^2)).

    Args:
        gt_keypoints: (..., K, 2) pixels; gt_visibility: (..., K), joints > 0 count; area: (...) square pixels.
        det_keypoints: (..., K, 2) pixels; sigmas: (K,).

    Returns:
        (...) in 0..1; NaN where no joint is labelled. For all pairs of G people and D detections pass
        `gt[:, None]`, `visibility[:, None]`, `area[:, None]` and `det[None]`.
    """
    similar = joint_similarity(gt_keypoints, area, det_keypoints, sigmas)
    labelled = np.broadcast_to(np.asarray(gt_visibility) > 0, similar.shape)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(labelled, similar, 0).sum(axis=-1) / labelled.sum(axis=-1))


def joint_similarity(
    gt_keypoints: NDArray[np.floating],
    area: NDArray[np.floating] | float,
    det_keypoints: NDArray[np.floating],
    sigmas: Sequence[float] | NDArray[np.floating],
) -> NDArray[np.float64]:
    """exp(-d^2 / (2 * area * (2 sigma)^2)) of every joint, (..., K); shapes as in `oks`."""
    squared = np.square(np.asarray(gt_keypoints, np.float64) - det_keypoints).sum(axis=-1)
    variance = np.square(2 * np.asarray(sigmas, np.float64))
    result: NDArray[np.float64] = np.exp(
        -squared / (2 * variance * (np.asarray(area)[..., None] + np.spacing(1)))
    )
    return result


def evaluate(poses: PoseSet, predictions: Predictions) -> Evaluation:
    """Score poses (from boxes or bottom-up) against the set's COCO annotation file, crowd regions included.

    Only the images of the PoseSet count. Metrics in percent: AP AP50 AP75 AP_M AP_L AR AR50 AR75 AR_M AR_L, NaN
    where no annotated person has that area.

    Raises:
        UserError: predictions or annotations that do not fit.
    """
    truth = read_truth(poses.annotations, len(COCO))
    entries = results(predictions, person_category(truth))
    evaluator = run(truth, entries, SIGMAS, poses.image_ids, str(poses.annotations))
    metrics, undefined = figures(evaluator)
    return Evaluation(
        metrics=metrics,
        per_person=Deferred(lambda: ranked(evaluator, poses.image_ids).arrays()),
        protocol=protocol(
            poses, predictions, "OKS", VERSION, **counts(truth, entries, poses.image_ids), **undefined
        ),
    )


def evaluate_files(annotations: Path | str, results_json: Path | str) -> Evaluation:
    """Score a COCO results file against a COCO annotation file; metrics as `evaluate`.

    Raises:
        UserError: a file that is missing, broken, or does not fit the other.
    """
    truth, entries = read_truth(annotations, len(COCO)), read_results(results_json)
    evaluator = run(truth, entries, SIGMAS, None, str(results_json))
    metrics, undefined = figures(evaluator)
    made = {"metric": "OKS", "metric_version": VERSION, **counts(truth, entries), **undefined}
    return Evaluation(metrics=metrics, protocol={"dataset": "coco", **made})


def read_truth(path: Path | str, joints: int) -> Json:
    """A COCO keypoint annotation file without its segmentations.

    Raises:
        UserError: not such a file, or of another joint set.
    """
    with reading(path, "a COCO annotation file"):
        return _slim_truth(path, joints)


def _slim_truth(path: Path | str, joints: int) -> Json:
    file = read_json(path)
    if not isinstance(file, dict) or not {"images", "annotations", "categories"} <= file.keys():
        raise UserError(
            f"{path}: not a COCO annotation file (needs 'images', 'annotations' and 'categories')"
        )
    person = person_category(file)
    annotations = []
    for entry in file["annotations"]:
        if entry.get("category_id") != person:
            continue
        values = entry.get("keypoints", ())
        labelled = entry.get("num_keypoints", sum(v > 0 for v in values[2::3]))
        if len(values) != 3 * joints:
            # Crowd regions may carry a short list of zeros; with a labelled person it is another joint set.
            if labelled:
                raise UserError(
                    f"{path}: annotation {entry.get('id')} has {len(values) // 3} joints, expected {joints}"
                )
            values = [0] * (3 * joints)
        slim = {k: v for k, v in entry.items() if k != "segmentation"}
        annotations.append({**slim, "keypoints": values, "num_keypoints": labelled})
    return {"images": file["images"], "annotations": annotations, "categories": file["categories"]}


def person_category(truth: Json) -> int:
    """Id of the category `person`, or of the only one; 1 if the file names none."""
    categories = truth["categories"]
    named = [c["id"] for c in categories if c.get("name") == "person"] or [c["id"] for c in categories[:1]]
    return int(named[0]) if named else 1


def read_results(path: Path | str) -> list[Json]:
    """
    Raises:
        UserError: not a list of COCO keypoint results.
    """
    entries = read_json(path)
    wanted = {"image_id", "keypoints", "score"}
    if not isinstance(entries, list) or any(
        not isinstance(entry, dict) or not wanted <= entry.keys() for entry in entries
    ):
        raise UserError(
            f"{path}: not a COCO results file (a list of objects with image_id, keypoints and score)"
        )
    return entries


def results(predictions: Predictions, category: int = 1) -> list[Json]:
    """Predictions in the layout of the COCO test server: a list of image_id, category_id, keypoints, score.

    Raises:
        UserError: a coordinate or score that is not finite.
    """
    broken = ~(np.isfinite(predictions.keypoints).all(axis=(1, 2)) & np.isfinite(predictions.scores))
    if broken.any():
        raise UserError(
            f"{int(broken.sum())} predictions (first: row {int(np.argmax(broken))}) are not finite numbers"
        )
    rows = np.concatenate([predictions.keypoints, predictions.keypoint_scores[..., None]], axis=-1)
    columns = zip(
        predictions.image_ids.tolist(),
        rows.reshape(len(rows), rows.shape[1] * rows.shape[2]).tolist(),
        predictions.scores.tolist(),
        strict=True,
    )
    return [
        {"image_id": image, "category_id": category, "keypoints": keypoints, "score": score}
        for image, keypoints, score in columns
    ]


def write_results(path: Path | str, predictions: Predictions) -> None:
    """Results JSON for the COCO or CrowdPose test server."""
    write_json(path, results(predictions))


def run(
    truth: Json,
    entries: list[Json],
    sigmas: Sequence[float],
    image_ids: NDArray[np.int64] | None = None,
    where: str = "predictions",
    *,
    thresholds: Sequence[float] | None = None,
    area: tuple[float, float] | None = None,
) -> hotcoco.COCOeval:
    """Match and accumulate.

    Args:
        truth: annotation file as read by `read_truth`; its `area` is the one of the OKS and of the area ranges.
        entries: COCO results.
        image_ids: images that count (all if None).
        where: names the predictions in errors.
        thresholds: OKS thresholds instead of 0.50:0.05:0.95; area: one range instead of all, medium, large.

    Raises:
        UserError: results of unknown images or with another number of joints.
    """
    known = {image["id"] for image in truth["images"]}
    for row, entry in enumerate(entries):
        if len(entry["keypoints"]) != 3 * len(sigmas):
            raise UserError(
                f"{where}: result {row} has {len(entry['keypoints']) / 3:g} joints, expected {len(sigmas)}"
            )
        if entry["image_id"] not in known:
            raise UserError(
                f"{where}: result {row} is of image {entry['image_id']}, which the annotations do not have"
            )
    person = person_category(truth)
    evaluator = hotcoco.COCOeval(dataset(truth), detections(truth, entries, person), "keypoints")
    params = evaluator.params
    params.kpt_oks_sigmas = [float(s) for s in sigmas]
    params.cat_ids = [person]
    if image_ids is not None:
        params.img_ids = sorted(int(i) for i in set(image_ids.tolist()) & known)
        # An empty list would mean all images.
        if not params.img_ids:
            raise UserError(f"{where}: none of the {len(image_ids)} images is in the annotation file")
    if thresholds is not None:
        params.iou_thrs = list(thresholds)
    if area is not None:
        params.area_rng, params.area_rng_lbl = [list(area)], ["all"]
    # hotcoco reports settings that are not COCO's on stderr; ours are deliberate.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator


def dataset(truth: Json) -> hotcoco.COCO:
    """Annotations in COCO's JSON layout as hotcoco reads them."""
    return hotcoco.COCO(truth)


def detections(truth: Json, entries: list[Json], category: int) -> hotcoco.COCO:
    """Results as a data set with the ids 1, 2, ... in order of `entries`, and boxes around all joints."""
    return dataset(truth).load_res([{**entry, "category_id": category} for entry in entries])


def figures(evaluator: hotcoco.COCOeval) -> tuple[dict[str, float], dict[str, dict[str, str]]]:
    """The ten metrics in percent, and, for those that are NaN, why."""
    curves = evaluator.eval or {}
    precision, recall = curves["precision"], curves["recall"]
    at = {"": slice(None), "50": slice(0, 1), "75": slice(5, 6)}
    ranges = {"": 0, "_M": 1, "_L": 2}
    metrics = {}
    for name in METRICS:
        values = precision if name.startswith("AP") else recall
        tail = name[2:]
        chosen = values[at.get(tail, slice(None)), ..., ranges.get(tail, 0), 0]
        # COCO's -1: there were no people to find.
        metrics[name] = float(100 * chosen.mean()) if (chosen > -1).all() else float("nan")
    missing = {
        name: "no annotated person in this range" for name, value in metrics.items() if np.isnan(value)
    }
    return metrics, {"undefined": missing} if missing else {}


def counts(truth: Json, entries: list[Json], image_ids: NDArray[np.int64] | None = None) -> dict[str, int]:
    """What stands behind the figures; `people` are those that can be found (labelled, not crowd)."""
    images = {image["id"] for image in truth["images"]}
    if image_ids is not None:
        images &= set(image_ids.tolist())
    here = [entry for entry in truth["annotations"] if entry["image_id"] in images]
    people = sum(1 for entry in here if entry["num_keypoints"] and not entry.get("iscrowd"))
    return {
        "images": len(images),
        "people": people,
        "ignored_regions": len(here) - people,
        "detections": sum(1 for entry in entries if entry["image_id"] in images),
    }
