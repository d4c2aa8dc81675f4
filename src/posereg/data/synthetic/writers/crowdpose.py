"""CrowdPose: a flat `images/` folder and `crowdpose_{train,val,test}.json`.

No areas and no segmentations; every picture has its `crowdIndex`. A few people carry no keypoints.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.synthetic.pictures import Job, Options, draw_all
from posereg.data.synthetic.scene import SPLIT, Person, Scene, generator
from posereg.data.synthetic.writers.coco import SMALLEST, Picture, group_setting, labelled, mask_box
from posereg.skeletons.skeleton import CROWDPOSE

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
# The published category keeps COCO's links, with indices up to 17.
_SKELETON = [
    [16, 14],
    [14, 12],
    [17, 15],
    [15, 13],
    [12, 13],
    [6, 12],
    [7, 13],
    [6, 7],
    [6, 8],
    [7, 9],
    [8, 10],
    [9, 11],
]
_NAMES = [{"head_top": "head"}.get(name, name) for name in CROWDPOSE.joints]


def write(folder: Path, options: Options) -> dict[str, int]:
    """Draws `options.count` pictures, split by `SHARES`; returns how many images, and people by split.

    Raises:
        UserError: a picture cannot be written.
    """
    rng = generator(options.seed, SPLIT)
    spreads = rng.choice(
        [0.35, 0.6, 1.0], size=options.count
    )  # so that easy, medium and hard pictures all occur
    settings = [group_setting(rng, options.size, (2, 7), float(spread)) for spread in spreads]
    names = [f"{100001 + k}.jpg" for k in range(options.count)]
    jobs = [Job(k, folder / "images" / name, settings[k]) for k, name in enumerate(names)]
    pictures = draw_all(jobs, options, _annotate, "CrowdPose")
    ends = np.round(np.cumsum(list(SHARES.values())) * options.count).astype(int).tolist()
    counts = {"images": options.count}
    for split, first, last in zip(SHARES, [0, *ends], ends, strict=False):
        made = _document(pictures[first:last], names[first:last])
        (folder / f"crowdpose_{split}.json").write_text(
            json.dumps(made, separators=(",", ":")), encoding="utf-8"
        )
        counts[f"{split} people"] = len(made["annotations"])
    return counts


def _annotate(scene: Scene, job: Job) -> Picture:
    height, width = scene.image.shape[:2]
    rng = generator(job.index, SPLIT, 2)
    people = [person for person in scene.people if int(person.mask.sum()) >= SMALLEST]
    return Picture(width, height, [_person(person, rng) for person in people])


def _person(person: Person, rng: np.random.Generator) -> dict[str, Any]:
    keypoints = (
        [0] * (3 * len(CROWDPOSE)) if rng.random() < 0.05 else labelled(person, CROWDPOSE, rng, skipped=0.1)
    )
    return {
        "num_keypoints": sum(v > 0 for v in keypoints[2::3]),
        "iscrowd": 0,
        "keypoints": keypoints,
        "bbox": _around(mask_box(person.mask), np.array(keypoints, dtype=float).reshape(-1, 3)),
    }


def _around(box: list[float], keypoints: NDArray[np.float64]) -> list[float]:
    """The box grown to hold the labelled joints: CrowdPose boxes are of the whole person."""
    points = keypoints[keypoints[:, 2] > 0, :2]
    low = np.vstack([points, [box[:2]]]).min(axis=0)
    high = np.vstack([points, [[box[0] + box[2], box[1] + box[3]]]]).max(axis=0)
    return [round(float(v), 2) for v in (*low, *(high - low))]


def crowd_index(boxes: NDArray[np.float64], keypoints: NDArray[np.float64]) -> float:
    """Mean over people of (other people's labelled joints inside the box) / (own labelled joints).

    Args:
        boxes: (N, 4) x, y, width, height.
        keypoints: (N, 14, 3) x, y, v; people without labelled joints are left out.

    Source: CrowdPose (Li et al. 2019), section 3.1.
    """
    known = keypoints[..., 2] > 0
    rows = known.any(axis=1)
    boxes, keypoints, known = boxes[rows], keypoints[rows], known[rows]
    if not len(boxes):
        return 0.0
    x, y = keypoints[None, ..., 0], keypoints[None, ..., 1]
    left, top, wide, high = (boxes[:, None, None, k] for k in range(4))
    inside = (x >= left) & (x <= left + wide) & (y >= top) & (y <= top + high) & known[None]
    inside[np.arange(len(boxes)), np.arange(len(boxes))] = False
    return float((inside.sum(axis=(1, 2)) / known.sum(axis=1)).mean())


def _document(pictures: list[Picture], names: list[str]) -> dict[str, Any]:
    images, annotations = [], []
    for picture, name in zip(pictures, names, strict=True):
        number = int(Path(name).stem)
        boxes = np.array([person["bbox"] for person in picture.people]).reshape(-1, 4)
        joints = np.array([person["keypoints"] for person in picture.people], dtype=float).reshape(
            -1, len(CROWDPOSE), 3
        )
        images.append({"file_name": name, "id": number, "height": picture.height, "width": picture.width,
                       "crowdIndex": round(crowd_index(boxes, joints), 2)})  # fmt: skip
        for n, person in enumerate(picture.people):
            annotations.append({**person, "image_id": number, "category_id": 1, "id": 100 * number + n})
    category = {
        "supercategory": "person",
        "id": 1,
        "name": "person",
        "keypoints": _NAMES,
        "skeleton": _SKELETON,
    }
    return {"images": images, "annotations": annotations, "categories": [category]}
