"""COCO keypoint evaluation: average precision and recall over object keypoint similarity (OKS).

The ten figures are pycocotools' (maxDets 20, OKS 0.50:0.05:0.95, 101 recall points); matching and accumulation
run in hotcoco, whose figures the tests hold equal to pycocotools'.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import hotcoco
import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.evaluation.average_precision import ranked
from posereg.files import read_json, reading, write_json
from posereg.records import columns_cache
from posereg.records.coco_file import coco_file, joint_order, key_of, places, whole
from posereg.records.evaluation import Deferred, Evaluation, protocol
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import COCO, Skeleton

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
    truth = read_truth(poses.annotations)
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
    truth = read_truth(annotations)
    entries = results_of(results_json, truth, COCO)
    evaluator = run(truth, entries, SIGMAS, None, str(results_json))
    metrics, undefined = figures(evaluator)
    made = {"metric": "OKS", "metric_version": VERSION, **counts(truth, entries), **undefined}
    return Evaluation(metrics=metrics, protocol={"dataset": "coco", **made})


def read_truth(path: Path | str, skeleton: Skeleton = COCO, areas: bool = True) -> Json:
    """The people of a COCO keypoint annotation file without their segmentations, joints in the skeleton's order.

    Args:
        areas: whether labelled people must have an `area`.

    Raises:
        UserError: not such a file, of another joint set, or people without an area.
    """
    with reading(path, "a COCO annotation file"):
        return _slim_truth(path, skeleton, areas)


def _slim_truth(path: Path | str, skeleton: Skeleton, areas: bool) -> Json:
    columns = columns_cache.read(path)
    file = coco_file(columns, path, skeleton)
    counted = (file.visibility > 0).sum(axis=1)
    labelled = np.where(file.num_keypoints < 0, counted, file.num_keypoints)
    lengths = columns.lengths[file.rows]
    for row in np.flatnonzero((lengths != 3 * len(skeleton)) & (labelled > 0)):
        raise UserError(
            f"{path}: person {file.ids[row]} has {lengths[row] // 3} joints, {skeleton.name} has {len(skeleton)}"
        )
    area, crowd = columns.area[file.rows], columns.crowd[file.rows]
    if areas:
        _check_areas(file.ids, (labelled > 0) & ~crowd & ~np.isfinite(area), path)
    people = zip(
        file.ids.tolist(),
        file.person_image_ids.tolist(),
        crowd.tolist(),
        area.tolist(),
        np.nan_to_num(columns.bbox[file.rows]).tolist(),
        labelled.tolist(),
        chain.from_iterable(
            np.concatenate([joints, file.visibility[some][..., None]], axis=2)
            .reshape(len(joints), 3 * len(skeleton))
            .tolist()
            for some, joints in places(columns, file.rows, file.visibility, file.order)
        ),
        strict=True,
    )
    annotations = [
        {
            "id": number,
            "image_id": image,
            "category_id": file.category,
            "iscrowd": int(is_crowd),
            **({} if math.isnan(size) else {"area": size}),
            "bbox": bbox,
            "num_keypoints": count,
            "keypoints": keypoints,
        }
        for number, image, is_crowd, size, bbox, count, keypoints in people
    ]
    names = file.described.get("keypoints")
    category = {
        "id": file.category,
        "name": str(file.described.get("name", "person")),
        "keypoints": [str(name) for name in names] if isinstance(names, list) else [],
    }
    crowding = columns.crowding[file.images].tolist()
    images = [
        {"id": number, **({} if math.isnan(index) else {"crowdIndex": index})}
        for number, index in zip(file.image_ids.tolist(), crowding, strict=True)
    ]
    return {"images": images, "annotations": annotations, "categories": [category]}


def _check_areas(ids: NDArray[np.int64], without: NDArray[np.bool_], path: Path | str) -> None:
    """OKS measures by the area of the segment; that of the box is larger, and so would be the AP."""
    if without.any():
        raise UserError(
            f"{path}: annotation {ids[without][0]} has no 'area' ({without.sum()} of {len(ids)} people); OKS is "
            "measured by the area of the person's segment, which a box cannot stand for: add it to score by AP"
        )


def person_category(truth: Json) -> int:
    """Id of the category `person`, or of the only one; 1 if the file names none."""
    categories = truth["categories"]
    named = [c["id"] for c in categories if c.get("name") == "person"] or [c["id"] for c in categories[:1]]
    return int(named[0]) if named else 1


def read_results(path: Path | str, image_ids: Mapping[str, int] | None = None) -> list[Json]:
    """
    Args:
        image_ids: our number of each image by the annotation file's own id, as text; without it ids are whole numbers.

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
    for row, entry in enumerate(entries):
        if image_ids is None:
            entry["image_id"] = whole(entry["image_id"], f"{path}: result {row}: image id")
        elif (number := image_ids.get(key_of(entry["image_id"]))) is None:
            raise UserError(
                f"{path}: result {row} is of image {entry['image_id']!r:.80}, which is not in the split"
            )
        else:
            entry["image_id"] = number
    return entries


def results_of(path: Path | str, truth: Json, skeleton: Skeleton) -> list[Json]:
    """The results of the people of `truth` (as from `read_truth`), joints in the skeleton's order: another program
    writes them in that of the annotation file.

    Raises:
        UserError: from `read_results` and `of_people`.
    """
    entries = of_people(read_results(path), person_category(truth), path)
    order = joint_order(truth["categories"][0].get("keypoints"), skeleton, path)
    if order is None:
        return entries
    for entry in entries:
        if len(entry["keypoints"]) == 3 * len(skeleton):
            entry["keypoints"] = np.reshape(entry["keypoints"], (-1, 3))[order].ravel().tolist()
    return entries


def of_people(entries: list[Json], category: int | None, path: Path | str) -> list[Json]:
    """The results of the people's category, and those that name none; any if `category` is None.

    Raises:
        UserError: all are of other categories.
    """
    kept = [one for one in entries if category is None or one.get("category_id", category) == category]
    if entries and not kept:
        raise UserError(
            f"{path}: all results are of category {entries[0]['category_id']}, the people's is {category}"
        )
    return kept


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
    same = [e if e.get("category_id") == category else {**e, "category_id": category} for e in entries]
    return dataset(truth).load_res(same)


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
