"""The cost of evaluation compared with the reference code, in one run.

    OMP_NUM_THREADS=1 RAYON_NUM_THREADS=1 python scripts/bench_evaluation.py [--repeats 5]

- PCKh with its 51-point curve for 2,958 MPII people (random poses of that size), without imports.
- COCO keypoint evaluation, 1,000 images x 20 detections: ours and pycocotools, from annotations in memory to the
  ten figures, which must be identical.
- OKS-NMS, 5,000 images x 30 detections: ours and a Python loop over people (timed on every tenth image).

Prints medians in seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import hotcoco
import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO as OFFICIAL
from pycocotools.cocoeval import COCOeval

from posereg.evaluation import oks, pckh
from posereg.inference.nms import oks_nms, soft_oks_nms
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import COCO, MPII

SIGMAS = np.array(COCO.sigmas)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, threads {os.environ['RAYON_NUM_THREADS']}, {repeats} repeats"
    )
    bench_pckh(repeats)
    bench_oks(repeats)
    bench_nms(repeats)


def seconds(call: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def bench_pckh(repeats: int, people: int = 2958) -> None:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 1000, (people, 16, 2)).astype(np.float32)
    with tempfile.NamedTemporaryFile() as annotations:
        poses = PoseSet(
            name="mpii",
            split="valid",
            skeleton=MPII,
            root=Path("."),
            images=tuple(f"{k}.jpg" for k in range(people)),
            image_ids=np.arange(people),
            person_image=np.arange(people),
            ids=np.arange(people),
            keypoints=keypoints,
            visibility=rng.choice([0, 2], (people, 16), p=[0.07, 0.93]).astype(np.uint8),
            boxes=np.zeros((people, 4), np.float32),
            annotations=Path(annotations.name),
            extras={"head_size": rng.uniform(20, 120, people)},
        )
        ones = np.ones((people, 16), np.float32)
        moved = keypoints + rng.normal(0, 20, keypoints.shape).astype(np.float32)
        predictions = Predictions(poses.ids, poses.image_ids, moved, ones, ones[:, 0])
        ours = seconds(lambda: pckh.evaluate(poses, predictions), repeats)
    print(f"PCKh, {people} people, curve included: {ours:.4f}")


def bench_oks(repeats: int, images: int = 1000, detections: int = 20) -> None:
    truth, entries = coco_case(images, detections)
    ours, figures = [], np.empty(10)
    theirs, theirs_loaded, official = [], [], np.empty(10)
    for _ in range(repeats):
        annotated, detected = oks.dataset(truth), oks.detections(truth, entries, 1)
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            evaluator = hotcoco.COCOeval(annotated, detected, "keypoints")
            evaluator.evaluate()
            evaluator.accumulate()
        metrics = oks.figures(evaluator)[0]
        ours.append(time.perf_counter() - start)
        figures = np.array([metrics[name] for name in oks.METRICS])
        begin = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            reference = OFFICIAL()
            reference.dataset = truth
            reference.createIndex()
            results = reference.loadRes([dict(entry) for entry in entries])
            start = time.perf_counter()
            judge = COCOeval(reference, results, "keypoints")
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
            theirs.append(time.perf_counter() - start)
            theirs_loaded.append(time.perf_counter() - begin)
        official = 100 * np.array(judge.stats)
    assert np.abs(figures - official).max() < 1e-9, "the ten figures differ"
    whole = seconds(lambda: oks.figures(oks.run(truth, entries, oks.SIGMAS)), repeats)
    fast, slow = statistics.median(ours), statistics.median(theirs)
    print(
        f"OKS evaluation, {images} x {detections}: ours {fast:.4f}, pycocotools {slow:.3f}, {slow / fast:.0f} x"
    )
    slow = statistics.median(theirs_loaded)
    print(
        f"  from Python records, loading included: ours {whole:.4f}, pycocotools {slow:.3f}, {slow / whole:.0f} x"
    )


def coco_case(images: int, detections: int) -> tuple[oks.Json, list[oks.Json]]:
    """One to four people per image, detections scattered about them."""
    rng = np.random.default_rng(0)
    people: list[oks.Json] = []
    entries: list[oks.Json] = []
    for number in range(1, images + 1):
        poses = [
            rng.uniform(0, 400, 2) + rng.uniform(0, rng.uniform(40, 200), (17, 2))
            for _ in range(rng.integers(1, 5))
        ]
        for pose in poses:
            visibility = rng.choice([0, 1, 2], 17, p=[0.3, 0.2, 0.5])
            low, size = pose.min(axis=0), np.ptp(pose, axis=0)
            people.append(
                {
                    "id": len(people) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "area": float(0.6 * size.prod()),
                    "bbox": [*low.tolist(), *size.tolist()],
                    "num_keypoints": int((visibility > 0).sum()),
                    "keypoints": np.concatenate([pose, visibility[:, None]], axis=1).ravel().tolist(),
                }
            )
        for _ in range(detections):
            moved = poses[rng.integers(len(poses))] + rng.normal(0, rng.choice([2, 8, 20]), (17, 2))
            values = np.concatenate([moved, np.ones((17, 1))], axis=1).ravel().tolist()
            entries.append(
                {"image_id": number, "category_id": 1, "score": float(rng.random()), "keypoints": values}
            )
    pictures = [{"id": number, "width": 640, "height": 480} for number in range(1, images + 1)]
    return {"images": pictures, "annotations": people, "categories": [{"id": 1, "name": "person"}]}, entries


def bench_nms(repeats: int, images: int = 5000, detections: int = 30, people: int = 5) -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0, 500, (images, people, 1, 2)) + rng.uniform(0, 150, (images, people, 17, 2))
    poses = base[np.arange(images)[:, None], rng.integers(0, people, (images, detections))]
    poses = poses + rng.normal(0, 1, poses.shape) * rng.choice([1, 3, 6, 15], (images, detections, 1, 1))
    keypoints = poses.reshape(-1, 17, 2).astype(np.float32)
    scores = rng.random(len(keypoints)).astype(np.float32)
    areas = rng.uniform(1e4, 3e4, len(keypoints)).astype(np.float32)
    numbers = np.repeat(np.arange(images), detections)

    hard = seconds(lambda: oks_nms(keypoints, scores, areas, numbers, SIGMAS), repeats)
    soft = seconds(lambda: soft_oks_nms(keypoints, scores, areas, numbers, SIGMAS), repeats)
    kept = oks_nms(keypoints, scores, areas, numbers, SIGMAS)
    start = time.perf_counter()
    for image in range(0, images, 10):
        rows = np.arange(image * detections, (image + 1) * detections)
        loop = loop_nms(keypoints[rows], scores[rows], areas[rows], 0.9)
        assert sorted(rows[loop]) == rows[kept[rows]].tolist(), "the kept poses differ"
    slow = 10 * (time.perf_counter() - start)
    print(
        f"OKS-NMS, {images} x {detections}: ours {hard:.3f}, loop over people {slow:.1f}, {slow / hard:.0f} x"
    )
    print(f"  soft-OKS-NMS: ours {soft:.3f}")


def loop_nms(
    keypoints: NDArray[np.float32], scores: NDArray[np.float32], areas: NDArray[np.float32], threshold: float
) -> list[int]:
    """The usual Python loop: one similarity at a time."""
    order = list(np.argsort(-scores, kind="stable"))
    kept = []
    while order:
        best = int(order.pop(0))
        kept.append(best)
        order = [other for other in order if similarity_of(keypoints, areas, best, int(other)) <= threshold]
    return kept


def similarity_of(
    keypoints: NDArray[np.float32], areas: NDArray[np.float32], first: int, second: int
) -> float:
    difference = keypoints[first] - keypoints[second]
    squared = difference[:, 0] ** 2 + difference[:, 1] ** 2
    area = (areas[first] + areas[second]) / 2 + np.spacing(1)
    return float(np.exp(-squared / (2 * SIGMAS) ** 2 / area / 2).sum() / len(squared))


if __name__ == "__main__":
    main()
