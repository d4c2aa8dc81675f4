"""The cost of evaluation and of suppressing repeated people.

    OMP_NUM_THREADS=1 RAYON_NUM_THREADS=1 python scripts/bench_evaluation.py [--repeats 3]

- COCO: from annotations and results as Python records to the ten figures, loading included. Matching and accumulation
  are hotcoco's (Rust), and so is the speed: hotcoco alone stands beside it. Usual is pycocotools. faster-coco-eval
  (C++) takes part where it is installed; posereg does not ask for it. The script stops if one of the ten figures
  differs by 1e-9.
- PCKh: the 51-point curve, joints, groups and protocol. Usual is the loop over thresholds of HRNet's code and its
  successors, which yields the curve alone.
- PA-MPJPE: MPJPE before and after the rigid alignment. Usual is a singular value decomposition a person; one call for
  all is the strongest plain form.
- OKS-NMS: usual is mmpose's loop, in which numpy compares a kept pose with the rest of its picture; all pairs of a
  picture at once is the strongest plain form. All keep the same poses, or the script stops.
- All of it runs on the CPU on every side.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("RAYON_NUM_THREADS", "1")

import hotcoco
import numpy as np
from cases import Floats, coco_case, made, nms_case
from measure import against, begin, one_thread
from numpy.typing import NDArray
from pycocotools import coco, cocoeval

from posereg.evaluation import mpjpe, oks, pckh
from posereg.inference.nms import oks_nms, similarity
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import COCO, H80K, MPII

SIGMAS = np.array(COCO.sigmas)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    one_thread()
    begin(__doc__)
    bench_coco(repeats)
    bench_pckh(repeats)
    bench_mpjpe(repeats)
    bench_nms(repeats)


def bench_coco(repeats: int, images: int = 5000, detections: int = 20) -> None:
    truth, entries = coco_case(images, detections)

    def ours() -> list[float]:
        metrics = oks.figures(oks.run(truth, entries, oks.SIGMAS))[0]
        return [metrics[name] for name in oks.METRICS]

    sides = {"usual: pycocotools": by_pycocotools, "hotcoco alone": by_hotcoco}
    with contextlib.suppress(ImportError):
        importlib.import_module("faster_coco_eval")
        sides["faster-coco-eval"] = by_faster_coco_eval

    def quiet(side: Callable[[oks.Json, list[oks.Json]], Floats]) -> Callable[[], Floats]:
        def call() -> Floats:
            with contextlib.redirect_stdout(io.StringIO()):
                return 100 * np.array(side(truth, entries))

        return call

    calls = {name: quiet(side) for name, side in sides.items()}
    for name, call in calls.items():
        if np.abs(call() - ours()).max() > 1e-9:
            raise SystemExit(f"the ten figures of {name} differ")
    against(f"COCO, {images:,} images, {images * detections:,} detections", ours, calls, repeats)


def by_pycocotools(truth: oks.Json, entries: list[oks.Json]) -> Floats:
    annotated = coco.COCO()
    annotated.dataset = truth
    annotated.createIndex()
    judge = cocoeval.COCOeval(annotated, annotated.loadRes([dict(entry) for entry in entries]), "keypoints")
    return figures(judge)


def by_hotcoco(truth: oks.Json, entries: list[oks.Json]) -> Floats:
    annotated = hotcoco.COCO(truth)
    judge = hotcoco.COCOeval(annotated, annotated.load_res(entries), "keypoints")
    return figures(judge)


def by_faster_coco_eval(truth: oks.Json, entries: list[oks.Json]) -> Floats:
    faster = importlib.import_module("faster_coco_eval")
    annotated = faster.COCO(truth)
    judge = faster.COCOeval_faster(
        annotated, annotated.loadRes([dict(entry) for entry in entries]), "keypoints"
    )
    return figures(judge)


def figures(judge: Any) -> Floats:
    """The ten of an evaluation in pycocotools' manner."""
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    return np.array(judge.stats[:10])


def bench_pckh(repeats: int, people: int = 2958) -> None:
    head = np.random.default_rng(1).uniform(20, 120, people)
    poses, predictions = made(MPII, people, head_size=head)
    counted = poses.visibility > 0
    counted[:, [MPII.joints.index(name) for name in pckh.NOT_COUNTED]] = False

    def loop() -> list[float]:
        distance = np.linalg.norm(predictions.keypoints - poses.keypoints, axis=-1) / head[:, None]
        return [100 * float(((distance <= t) * counted).sum() / counted.sum()) for t in pckh.THRESHOLDS]

    def ours() -> list[float]:
        return pckh.evaluate(poses, predictions).curve["values"]

    np.testing.assert_allclose(ours(), loop(), atol=1e-2)
    against(f"PCKh of {people:,} people", ours, {"usual: a loop over thresholds": loop}, repeats, times=5)


def bench_mpjpe(repeats: int, people: int = 20_000) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 300, (people, len(H80K), 3))
    poses, flat = made(H80K, people, xyz=truth)
    found = truth + rng.normal(0, 40, truth.shape)
    predictions = Predictions(flat.ids, flat.image_ids, found, flat.keypoint_scores, flat.scores)

    def aligned(predicted: Floats, target: Floats) -> Floats:
        """Shapes (..., K, 3)."""
        centers = predicted.mean(-2, keepdims=True), target.mean(-2, keepdims=True)
        left, _, right = np.linalg.svd(np.swapaxes(predicted - centers[0], -1, -2) @ (target - centers[1]))
        left[..., -1] *= np.sign(np.linalg.det(left @ right))[..., None]
        return (predicted - centers[0]) @ (left @ right) + centers[1]

    def error(moved: Floats) -> float:
        return float(np.linalg.norm(moved - truth, axis=-1).mean())

    sides = {
        "usual: a decomposition a person": lambda: error(
            np.stack([aligned(*pair) for pair in zip(found, truth, strict=True)])
        ),
        "one for all": lambda: error(aligned(found, truth)),
    }

    def ours() -> float:
        return mpjpe.evaluate(poses, predictions).metrics["PA-MPJPE"]

    for side in sides.values():
        np.testing.assert_allclose(ours(), side(), rtol=1e-5)
    against(f"MPJPE and PA-MPJPE of {people:,} people", ours, sides, repeats)


def bench_nms(repeats: int, images: int = 5000, detections: int = 30) -> None:
    poses, scores, areas, numbers = nms_case(images, detections)

    def each(keep: Callable[[Floats, Floats, Floats], NDArray[np.bool_]]) -> Callable[[], NDArray[np.bool_]]:
        shapes = (
            poses.reshape(images, detections, 17, 2),
            scores.reshape(images, -1),
            areas.reshape(images, -1),
        )
        return lambda: np.concatenate([keep(*one) for one in zip(*shapes, strict=True)])

    sides = {
        "usual: a kept pose against the rest": each(one_by_one),
        "all pairs of a picture": each(all_pairs),
    }

    def ours() -> NDArray[np.bool_]:
        return oks_nms(poses, scores, areas, numbers, SIGMAS)

    for name, side in sides.items():
        if (side() != ours()).any():
            raise SystemExit(f"OKS-NMS: {name}: other poses are kept")
    against(f"OKS-NMS, {images:,} images, {images * detections:,} poses", ours, sides, repeats)


def one_by_one(poses: Floats, scores: Floats, areas: Floats) -> NDArray[np.bool_]:
    order, kept = np.argsort(-scores, kind="stable"), np.zeros(len(scores), bool)
    while len(order):
        best, order = order[0], order[1:]
        kept[best] = True
        squared = np.square(poses[order] - poses[best]).sum(-1)
        area = (areas[best] + areas[order]) / 2 + np.spacing(1)
        alike = np.exp(-squared / (2 * SIGMAS) ** 2 / area[:, None] / 2).sum(-1) / len(SIGMAS)
        order = order[alike <= 0.9]
    return kept


def all_pairs(poses: Floats, scores: Floats, areas: Floats) -> NDArray[np.bool_]:
    alike = similarity(poses[None], areas[None], SIGMAS)[0] > 0.9
    kept = np.zeros(len(scores), bool)
    for k in np.argsort(-scores, kind="stable"):
        kept[k] = not (alike[k] & kept).any()
    return kept


if __name__ == "__main__":
    main()
