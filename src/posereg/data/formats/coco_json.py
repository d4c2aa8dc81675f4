"""What COCO keypoints, CrowdPose and Human3.6M in COCO's format have in common: one JSON file, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats.paths import image_name
from posereg.errors import UserError
from posereg.files import read_json, reading
from posereg.records.poses import PoseSet
from posereg.skeletons.skeleton import Skeleton

Json = dict[str, Any]


@dataclass
class Annotated:
    """All people of one file, in its order, and all its images (M)."""

    images: list[Json]
    annotations: list[Json]
    person_image: NDArray[np.int64]  # (N,)
    keypoints: NDArray[np.float32]  # (N, K, 2), 0 where not labelled
    visibility: NDArray[np.uint8]  # (N, K)
    bbox: NDArray[np.float64]  # (N, 4) x y width height
    crowd: NDArray[np.bool_]  # (N,)


def load(path: Path, skeleton: Skeleton) -> Annotated:
    """
    Raises:
        UserError: not a COCO keypoint file, a person on an unknown image, or another number of joints.
    """
    content = read_json(path)
    if not isinstance(content, dict) or "images" not in content:
        raise UserError(f"{path}: not a COCO annotation file (no 'images')")
    with reading(path, "a COCO annotation file"):
        return _annotated(path, content, skeleton)


def _annotated(path: Path, content: Json, skeleton: Skeleton) -> Annotated:
    images, people = content["images"], content.get("annotations", [])
    place = {image["id"]: k for k, image in enumerate(images)}
    joints = len(skeleton)
    keypoints = np.zeros((len(people), joints, 3))
    for row, person in enumerate(people):
        if person["image_id"] not in place:
            raise UserError(
                f"{path}: person {person['id']} is on image {person['image_id']}, which is not listed"
            )
        values = person.get("keypoints") or ()
        if len(values) == 3 * joints:
            keypoints[row] = np.reshape(values, (joints, 3))
        elif any(values):  # CrowdPose gives its crowd regions 6 zeros
            raise UserError(
                f"{path}: person {person['id']} has {len(values) / 3:g} joints, {skeleton.name} has {joints}"
            )
    visibility = keypoints[..., 2].astype(np.uint8)
    return Annotated(
        images=images,
        annotations=people,
        person_image=np.array([place[p["image_id"]] for p in people], dtype=np.int64),
        keypoints=np.where(visibility[..., None] > 0, keypoints[..., :2], 0).astype(np.float32),
        visibility=visibility,
        bbox=np.array([p.get("bbox", (0, 0, 0, 0)) for p in people], dtype=np.float64).reshape(-1, 4),
        crowd=np.array([bool(p.get("iscrowd", 0)) for p in people], dtype=bool),
    )


def clipped(annotated: Annotated) -> NDArray[np.float64]:
    """Person boxes (N, 4) x1 y1 x2 y2 cut off at the image's edge, as the simple-baselines code does."""
    size = np.array([(image["width"], image["height"]) for image in annotated.images], dtype=np.float64)
    limit = size.reshape(-1, 2)[annotated.person_image] - 1
    low = np.maximum(annotated.bbox[:, :2], 0)
    high = np.minimum(limit, low + np.maximum(annotated.bbox[:, 2:] - 1, 0))
    return np.concatenate([low, high], axis=1)


def pose_set(
    name: str,
    split: str,
    path: Path,
    root: Path,
    folder: str,
    skeleton: Skeleton,
    annotated: Annotated,
    boxes: NDArray[np.floating],
    keep: NDArray[np.bool_],
    extras: dict[str, NDArray[Any]],
) -> PoseSet:
    """The record of the people of mask `keep` (N,), with `boxes` (N, 4); every image of the file stays, with or
    without people."""
    # As published: CrowdPose does not count head and neck, and its API ignores people with 0.
    labelled = (annotated.visibility > 0).sum(axis=1)
    counts = [p.get("num_keypoints", n) for p, n in zip(annotated.annotations, labelled, strict=True)]
    columns: dict[str, NDArray[Any]] = {
        "iscrowd": annotated.crowd,
        "num_keypoints": np.array(counts, dtype=np.int64),
        "bbox": annotated.bbox.astype(np.float32),
        **extras,
    }
    sizes = [(image.get("width", 0), image.get("height", 0)) for image in annotated.images]
    everybody = PoseSet(
        name=name,
        split=split,
        skeleton=skeleton,
        root=root,
        images=tuple(folder + image_name(image["file_name"], path) for image in annotated.images),
        image_ids=np.array([image["id"] for image in annotated.images], dtype=np.int64),
        person_image=annotated.person_image,
        ids=np.array([p["id"] for p in annotated.annotations], dtype=np.int64),
        keypoints=annotated.keypoints,
        visibility=annotated.visibility,
        boxes=boxes.astype(np.float32),
        annotations=path,
        extras={**columns, "image_size": np.array(sizes, dtype=np.int64).reshape(-1, 2)},
    )
    return everybody if keep.all() else everybody.people(keep)
