"""What the benchmarks evaluate: people, results and predictions drawn at random, of any number."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posereg.evaluation import oks
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import Skeleton

Floats = NDArray[np.floating]


def coco_case(images: int, detections: int, seed: int = 0) -> tuple[oks.Json, list[oks.Json]]:
    """Annotations of one to four people an image, and results scattered about them."""
    rng = np.random.default_rng(seed)
    people: list[oks.Json] = []
    entries: list[oks.Json] = []
    for number in range(1, images + 1):
        count = rng.integers(1, 5)
        poses = rng.uniform(0, 400, (count, 1, 2)) + rng.uniform(0, 1, (count, 17, 2)) * rng.uniform(
            40, 200, (count, 1, 1)
        )
        flags = rng.choice([0, 1, 2], (count, 17), p=[0.3, 0.2, 0.5])
        for pose, visibility in zip(poses, flags, strict=True):
            low, size = pose.min(axis=0), np.ptp(pose, axis=0)
            people.append({
                "id": len(people) + 1, "image_id": number, "category_id": 1, "iscrowd": 0,
                "area": float(0.6 * size.prod()), "bbox": [*low.tolist(), *size.tolist()],
                "num_keypoints": int((visibility > 0).sum()),
                "keypoints": np.column_stack([pose, visibility]).ravel().tolist(),
            })  # fmt: skip
        spread = rng.choice([2, 8, 20], (detections, 1, 1))
        moved = poses[rng.integers(count, size=detections)] + rng.normal(0, spread, (detections, 17, 2))
        found = np.concatenate([moved, np.ones((detections, 17, 1))], axis=2).reshape(detections, -1).tolist()
        entries += [
            {"image_id": number, "category_id": 1, "score": score, "keypoints": values}
            for score, values in zip(rng.random(detections).tolist(), found, strict=True)
        ]
    pictures = [{"id": number, "width": 640, "height": 480} for number in range(1, images + 1)]
    return {"images": pictures, "annotations": people, "categories": [{"id": 1, "name": "person"}]}, entries


def made(skeleton: Skeleton, people: int, **extras: NDArray[np.float64]) -> tuple[PoseSet, Predictions]:
    """So many people, one an image, and predictions some 20 pixels off; its annotation file is empty."""
    rng, joints = np.random.default_rng(0), len(skeleton)
    keypoints = rng.uniform(0, 1000, (people, joints, 2)).astype(np.float32)
    file = tempfile.gettempdir() + "/posereg-bench-no-annotations"
    Path(file).touch()
    poses = PoseSet(
        name=skeleton.name,
        split="valid",
        skeleton=skeleton,
        root=Path("."),
        images=tuple(f"{k}.jpg" for k in range(people)),
        image_ids=np.arange(people),
        person_image=np.arange(people),
        ids=np.arange(people),
        keypoints=keypoints,
        visibility=rng.choice([0, 2], (people, joints), p=[0.07, 0.93]).astype(np.uint8),
        boxes=np.zeros((people, 4), np.float32),
        annotations=Path(file),
        extras=extras,
    )
    ones = np.ones((people, joints), np.float32)
    moved = keypoints + rng.normal(0, 20, keypoints.shape).astype(np.float32)
    return poses, Predictions(poses.ids, poses.image_ids, moved, ones, ones[:, 0])


def nms_case(
    images: int, detections: int, people: int = 5
) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """Poses scattered about five people an image, their scores, areas and images."""
    rng = np.random.default_rng(0)
    base = rng.uniform(0, 500, (images, people, 1, 2)) + rng.uniform(0, 150, (images, people, 17, 2))
    poses = base[np.arange(images)[:, None], rng.integers(0, people, (images, detections))]
    poses = poses + rng.normal(0, 1, poses.shape) * rng.choice([1, 3, 6, 15], (images, detections, 1, 1))
    count = images * detections
    areas = rng.uniform(1e4, 3e4, count)
    return (
        poses.reshape(-1, 17, 2).astype(np.float32),
        rng.random(count).astype(np.float32),
        areas.astype(np.float32),
        np.repeat(np.arange(images), detections),
    )
