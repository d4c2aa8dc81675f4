"""COCO keypoint files of a few people, written by hand."""

import json

import numpy as np

SQUARE = [[10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0]]


def person(number, image=1, bbox=(10, 20, 30, 40), flags=2, **fields):
    keypoints = np.stack([np.arange(17) + 5, np.arange(17) + 6, np.full(17, flags)], axis=1) * (flags > 0)
    count = 17 if flags else 0
    return {
        "id": number, "image_id": image, "bbox": list(bbox), "category_id": 1, "iscrowd": 0, "area": 700.0,
        "num_keypoints": count, "keypoints": keypoints.ravel().tolist(), "segmentation": SQUARE, **fields,
    }  # fmt: skip


def write(root, annotations, split="val2017"):
    images = [{"id": k, "file_name": f"{k:012d}.jpg", "width": 100, "height": 80} for k in (1, 2, 9)]
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / split).mkdir(exist_ok=True)
    path = root / "annotations" / f"person_keypoints_{split}.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return root
