"""A detector's boxes in place of the annotated ones: any COCO result file, `posereg detect`'s among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.files import read_json, reading, sha256_of
from posereg.geometry.boxes import padded
from posereg.records.coco_file import key_of
from posereg.records.poses import PoseSet

PERSON = 1
BESIDE = "boxes of the detector beside their picture"


def file_of(boxes: Any, split: str, train_split: str) -> Path | None:
    """The box file of a split; a single file serves every split but the one that is trained on.

    Args:
        boxes: None, a file, or a mapping split -> file.
    """
    if isinstance(boxes, Mapping):
        return Path(boxes[split]) if boxes.get(split) else None
    return Path(boxes) if boxes and split != train_split else None


def file_hash(file: Path) -> str:
    """First 16 hex digits of its SHA-256, for the protocol."""
    return sha256_of(file, "a box file")[:16]


def _beside(bbox: NDArray[np.float64], on: NDArray[np.int64], poses: PoseSet) -> NDArray[np.bool_]:
    """(N,) which boxes x y width height lie beside their picture, where its size is known."""
    size = np.asarray(poses.extras.get("image_size", np.zeros((len(poses.images), 2))), np.float64)
    limit = np.where(size > 0, size, np.inf)[on]
    return np.asarray(((bbox[:, :2] >= limit) | (bbox[:, :2] + bbox[:, 2:] <= 0)).any(axis=1), bool)


def detected(poses: PoseSet, file: Path | str, min_score: float = 0.0) -> PoseSet:
    """The images of `poses` with a detector's boxes instead of people.

    Args:
        file: a COCO result file of person boxes: image_id (the annotation file's own), category_id (1, or the
            annotations'), bbox x y width height, score.
        min_score: boxes with lower scores, and empty ones, are dropped; those beside their picture are counted.

    Returns:
        joints not labelled; `ids` are -1, -2, ...; columns `box_score`, `bbox`, `area` (of the box, square pixels);
        boxes padded x1.25.

    Raises:
        UserError: the file is missing or of another format, or no box on these images.
    """
    rows = read_json(file)
    place = {key_of(key): k for k, key in enumerate(poses.extras.get("image_key", poses.image_ids).tolist())}
    wanted = {key_of(PERSON if poses.category is None else poses.category), key_of(PERSON)}
    with reading(file, "a COCO result file of boxes"):
        rows = [
            row
            for row in rows
            if key_of(row.get("category_id", PERSON)) in wanted and key_of(row["image_id"]) in place
        ]
        bbox = np.array([row["bbox"] for row in rows], dtype=np.float64)
        if rows and (bbox.shape != (len(rows), 4) or not np.isfinite(bbox).all()):
            raise UserError(f"{file}: a bbox is not four finite numbers: x, y, width, height")
        scores = np.array([row["score"] for row in rows], dtype=np.float64)
        if not np.isfinite(scores).all():
            raise UserError(f"{file}: a score is not a finite number")
        bbox = bbox.reshape(-1, 4)
        on = np.array([place[key_of(row["image_id"])] for row in rows], dtype=np.int64)
        beside = _beside(bbox, on, poses)
        kept = (scores >= min_score) & (bbox[:, 2:] > 0).all(axis=1) & ~beside
        rows = [rows[row] for row in np.flatnonzero(kept)]
        left_out = {BESIDE: tuple(poses.images[k] for k in on[beside])} if beside.any() else {}
        bbox, scores, person_image = bbox[kept], scores[kept], on[kept]
    if not rows:
        raise UserError(
            f"{file}: no person box with score >= {min_score} on the images of {poses.name} {poses.split}"
        )
    joints = len(poses.skeleton)
    return replace(
        poses,
        left_out={**poses.left_out, **left_out},
        person_image=person_image,
        ids=-1 - np.arange(len(rows), dtype=np.int64),
        keypoints=np.zeros((len(rows), joints, 2), dtype=np.float32),
        visibility=np.zeros((len(rows), joints), dtype=np.uint8),
        boxes=padded(np.concatenate([bbox[:, :2], bbox[:, :2] + bbox[:, 2:]], axis=1)),
        extras={
            "box_score": scores,
            "bbox": bbox.astype(np.float32),
            "area": bbox[:, 2] * bbox[:, 3],
            **{name: column for name, column in poses.extras.items() if name.startswith("image_")},
        },
    )
