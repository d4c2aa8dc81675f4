"""COCO keypoints: `train2017/`, `val2017/` and `annotations/person_keypoints_{train,val}2017.json`.

Several people per picture. Visibility 0 not labelled (outside, or hidden and left out), 1 hidden, 2 seen. `area`,
`segmentation` and `bbox` follow from the pixels where the person is seen. Small people and a few others carry no
keypoints; in some pictures the farthest people are one crowd region (`iscrowd`, run lengths). Coordinates are
0-based, keypoints with one decimal (the published ones are whole numbers, too coarse for small pictures).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.data.synthetic.pictures import Job, Options, draw_all
from posereg.data.synthetic.scene import HIDDEN, OUTSIDE, SPLIT, Person, Scene, Setting, generator
from posereg.skeletons.skeleton import COCO, Skeleton

VAL_SHARE = 0.2
SMALLEST = 30  # people with fewer visible pixels are not annotated
NO_KEYPOINTS = 0.004  # share of the picture below which a person has no keypoints


@dataclass(frozen=True)
class Picture:
    """What the JSON says of one picture; `people` without ids."""

    width: int
    height: int
    people: list[dict[str, Any]]


def group_setting(rng: np.random.Generator, size: int, people: tuple[int, int], spread: float) -> Setting:
    """A picture of several people, landscape or portrait, `size` on its longer side."""
    short = round(size * float(rng.choice([0.67, 0.75, 1.0])))
    shape = (size, short) if rng.random() < 0.7 else (short, size)
    return Setting(size=shape, people=people, group=True, spread=spread, fill=(0.75, 1.1), front=0.25)


def write(folder: Path, options: Options) -> dict[str, int]:
    """Draws `options.count` pictures, a fifth of them for `val2017`; returns how many images, and people by split.

    Raises:
        UserError: a picture cannot be written.
    """
    val = max(1, round(VAL_SHARE * options.count)) if options.count > 1 else 0
    splits = {"train": range(options.count - val), "val": range(options.count - val, options.count)}
    rng = generator(options.seed, SPLIT)
    settings = [group_setting(rng, options.size, (1, 6), 1.0) for _ in range(options.count)]
    jobs = [
        Job(k, folder / f"{split}2017" / f"{k + 1:012d}.jpg", settings[k])
        for split, rows in splits.items()
        for k in rows
    ]
    pictures = draw_all(jobs, options, annotate, "COCO")
    (folder / "annotations").mkdir()
    counts = {"images": options.count}
    for split, rows in splits.items():
        made = document([pictures[k] for k in rows], rows.start)
        path = folder / "annotations" / f"person_keypoints_{split}2017.json"
        path.write_text(json.dumps(made, separators=(",", ":")), encoding="utf-8")
        counts[f"{split} people"] = len(made["annotations"])
    return counts


def annotate(scene: Scene, job: Job) -> Picture:
    """The annotations of one picture, a function of its index."""
    height, width = scene.image.shape[:2]
    rng = generator(job.index, SPLIT, 1)
    people = [person for person in scene.people if int(person.mask.sum()) >= SMALLEST]
    people.sort(key=lambda person: float(person.xyz[:, 2].mean()))
    crowd: list[Person] = []
    if len(people) >= 5 and rng.random() < 0.35:
        people, crowd = people[:2], people[2:]
    rows = [_instance(person, width * height, rng) for person in people]
    if crowd:
        mask = np.logical_or.reduce([person.mask for person in crowd])
        rows.append({
            "segmentation": {"counts": run_lengths(mask), "size": [height, width]},
            "num_keypoints": 0,
            "area": float(mask.sum()),
            "iscrowd": 1,
            "keypoints": [0] * (3 * len(COCO)),
            "bbox": mask_box(mask),
        })  # fmt: skip
    return Picture(width, height, rows)


def _instance(person: Person, pixels: int, rng: np.random.Generator) -> dict[str, Any]:
    bare = person.mask.sum() < NO_KEYPOINTS * pixels or rng.random() < 0.03
    keypoints = [0] * (3 * len(COCO)) if bare else labelled(person, COCO, rng)
    return {
        "segmentation": polygons(person.mask),
        "num_keypoints": sum(v > 0 for v in keypoints[2::3]),
        "area": float(person.mask.sum()),
        "iscrowd": 0,
        "keypoints": keypoints,
        "bbox": mask_box(person.mask),
    }


def labelled(
    person: Person, skeleton: Skeleton, rng: np.random.Generator, skipped: float = 0.4
) -> list[float]:
    """The flat x, y, v list; joints outside are not labelled, hidden ones are skipped with that chance."""
    joints, flags = person.of(skeleton)
    absent = (flags == OUTSIDE) | ((flags == HIDDEN) & (rng.random(len(flags)) < skipped))
    rows = [[0, 0, 0] if gone else [round(float(x), 1), round(float(y), 1), int(v)]
            for (x, y), v, gone in zip(joints, flags, absent, strict=True)]  # fmt: skip
    return [value for row in rows for value in row]


def mask_box(mask: NDArray[np.bool_]) -> list[float]:
    """x, y, width, height around the pixels of a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return [float(x), float(y), float(columns[-1] + 1 - x), float(rows[-1] + 1 - y)]


def polygons(mask: NDArray[np.bool_]) -> list[list[float]]:
    """Outlines of the mask's pieces, each a flat x, y list of at least three points."""
    pieces, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [[float(v) for v in piece.ravel()] for piece in pieces if len(piece) >= 3]


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of alternating runs of 0 and 1 down the columns, starting with 0: COCO's uncompressed RLE."""
    flat = np.concatenate([[0], mask.ravel(order="F").astype(np.int8)])
    edges = np.flatnonzero(np.diff(flat))
    return [int(v) for v in np.diff(np.concatenate([[0], edges, [mask.size]]))]


def document(pictures: list[Picture], first: int) -> dict[str, Any]:
    """The whole JSON; image ids count from `first` + 1."""
    images, annotations = [], []
    for k, picture in enumerate(pictures, start=first + 1):
        name = f"{k:012d}.jpg"
        size = {"height": picture.height, "width": picture.width}
        origin = {"license": 1, "coco_url": "", "flickr_url": "", "date_captured": "2017-01-01 00:00:00"}
        images.append({"file_name": name, "id": k, **size, **origin})
        for n, person in enumerate(picture.people):
            annotations.append({**person, "image_id": k, "category_id": 1, "id": 100 * k + n})
    return {
        "info": {"description": "posereg synthetic people in COCO format", "url": "", "version": "1.0", "year": 2017,
                 "contributor": "posereg", "date_created": "2017/01/01"},
        "licenses": [{"url": "", "id": 1, "name": "synthetic"}],
        "images": images,
        "annotations": annotations,
        "categories": [{"supercategory": "person", "id": 1, "name": "person", "keypoints": list(COCO.joints),
                        "skeleton": [[a + 1, b + 1] for a, b in COCO.limbs]}],
    }  # fmt: skip
