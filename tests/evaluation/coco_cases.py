"""COCO keypoint files for the tests, and pycocotools as the judge."""

import contextlib
import copy
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def official(truth, found, sigmas=None):
    """The ten figures of pycocotools in percent, NaN for its -1; and its evaluator."""
    with contextlib.redirect_stdout(io.StringIO()):
        annotated, detected = COCO(), COCO()
        annotated.dataset = copy.deepcopy(truth)
        annotated.createIndex()
        if found:
            detected = annotated.loadRes(copy.deepcopy(found))
        else:
            detected.dataset = {**truth, "annotations": []}
            detected.createIndex()
        evaluator = COCOeval(annotated, detected, "keypoints")
        if sigmas is not None:
            evaluator.params.kpt_oks_sigmas = np.array(sigmas)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    figures = np.array(evaluator.stats)
    return np.where(figures < 0, np.nan, 100 * figures), evaluator


def image(number, **extra):
    return {"id": number, "width": 640, "height": 480, "file_name": f"{number}.jpg", **extra}


def person(number, image_id, keypoints, visibility, area=None, **extra):
    keypoints, visibility = np.asarray(keypoints, float), np.asarray(visibility)
    low, size = keypoints.min(axis=0), np.ptp(keypoints, axis=0)
    values = np.concatenate([keypoints * (visibility > 0)[:, None], visibility[:, None]], axis=1)
    return {
        "id": number, "image_id": image_id, "category_id": 1, "iscrowd": 0,
        "num_keypoints": int((visibility > 0).sum()), "area": float(size.prod() if area is None else area),
        "bbox": [float(v) for v in (*low, *size)], "keypoints": values.ravel().tolist(), **extra,
    }  # fmt: skip


def detection(image_id, keypoints, score):
    values = np.concatenate([np.asarray(keypoints, float), np.ones((len(keypoints), 1))], axis=1)
    return {
        "image_id": image_id,
        "category_id": 1,
        "score": float(score),
        "keypoints": values.ravel().tolist(),
    }


def truth_of(images, people):
    return {"images": images, "annotations": people, "categories": [{"id": 1, "name": "person"}]}


def adversarial(seed, images, joints=17):
    """Random people and detections with all that can go wrong at once: crowd regions, people without joints,
    equal people, tied scores, exact hits, collapsed poses, areas on the borders of the ranges and zero, more
    than 20 detections, images with nothing."""
    rng = np.random.default_rng(seed)
    pictures = [
        image(7 * k + 3, crowdIndex=float(rng.choice([0.0, 0.1, 0.2, 0.5, 0.8, 2.5]))) for k in range(images)
    ]
    people, found = [], []
    for picture in pictures:
        poses = []
        for _ in range(rng.integers(0, 6)):
            size = rng.choice([10, 30, 60, 200])
            pose = np.round(rng.uniform(0, 600, 2) + rng.normal(0, size / 2, (joints, 2)), rng.choice([0, 2]))
            if poses and rng.random() < 0.2:
                pose = poses[-1].copy()
            visibility = rng.choice([0, 1, 2], joints) * (rng.random() > 0.15)
            area = rng.choice(
                [0.6 * size * size, 32.0**2, 96.0**2, rng.uniform(1, 2e4), 0.0], p=[0.4, 0.2, 0.2, 0.15, 0.05]
            )
            entry = person(
                len(people) + 1, picture["id"], pose, visibility, area, iscrowd=int(rng.random() < 0.15)
            )
            if rng.random() < 0.05:
                entry["num_keypoints"] = 0
            people.append(entry)
            poses.append(pose)
        for _ in range(rng.choice([0, 1, 3, 25])):
            pose = rng.uniform(0, 600, (joints, 2))
            if poses and rng.random() < 0.8:
                pose = poses[rng.integers(len(poses))] + rng.normal(
                    0, rng.choice([0, 1, 3, 8, 20]), (joints, 2)
                )
            if rng.random() < 0.1:
                pose = np.repeat(pose[:1], joints, axis=0)
            elif rng.random() < 0.15:
                pose = pose.min(axis=0) + (pose - pose.min(axis=0)) / np.ptp(pose, axis=0) * rng.choice(
                    [32.0, 96.0, 31.999]
                )
            score = rng.choice([0.5, 0.25, rng.random(), -rng.random(), 0.0, 1.0, 1e-9])
            found.append(detection(picture["id"], pose, score))
    return truth_of(pictures, people), found
