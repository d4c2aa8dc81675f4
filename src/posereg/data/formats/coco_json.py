"""What COCO keypoints, CrowdPose and Human3.6M in COCO's format have in common: one JSON file, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats.own_images import ImageFiles, one_a_picture
from posereg.data.formats.paths import image_name
from posereg.data.samples import jpeg
from posereg.errors import UserError
from posereg.files import read_json, reading
from posereg.records.coco_file import FARTHEST, coco_file, joint_count
from posereg.records.poses import CROWD, FEW, OTHER_SIZE, UNLABELLED, PoseSet
from posereg.skeletons.skeleton import Skeleton

Json = dict[str, Any]
SAMPLED = 200  # pictures whose size is looked at whatever the file says
EXCHANGED = "pictures whose width and height the annotations exchange (put right)"


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
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)  # as of PoseSet
    category: int | None = None  # as of PoseSet; order: its joint_order
    order: tuple[int, ...] | None = None
    files: tuple[str, ...] = ()  # (M,) paths below the root, once `locate` found them


def load(path: Path, skeleton: Skeleton, by_name: bool = True) -> Annotated:
    """The people of a file's category.

    Args:
        by_name: as of `coco_file`.

    Raises:
        UserError: not a COCO keypoint file, a person on an unknown image, or another number of joints.
    """
    content = read_json(path)
    if not isinstance(content, dict) or "images" not in content:
        raise UserError(f"{path}: not a COCO annotation file (no 'images')")
    with reading(path, "a COCO annotation file"):
        return _annotated(path, content, skeleton, by_name)


def _annotated(path: Path, content: Json, skeleton: Skeleton, by_name: bool) -> Annotated:
    file = coco_file(content, path, skeleton, by_name)
    images, people = file.images, file.people
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
        bbox=np.array([_box(p.get("bbox")) for p in people], dtype=np.float64).reshape(-1, 4),
        crowd=np.array([bool(p.get("iscrowd", 0)) for p in people], dtype=bool),
        left_out=file.left_out,
        category=file.category,
        order=file.order,
    )


def _box(value: Any) -> tuple[float, ...]:
    """x y width height; zeros where it is none."""
    if not isinstance(value, list) or len(value) != 4:
        return (0, 0, 0, 0)
    numbers = tuple(float(v) if isinstance(v, int | float) else np.nan for v in value)
    return numbers if all(abs(v) < FARTHEST for v in numbers) else (0, 0, 0, 0)


def kept(
    annotated: Annotated,
    edges: NDArray[np.float64],
    min_keypoints: int,
    more: Mapping[str, NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    """The people to crop (N,); the others are counted in `annotated.left_out`, each by the first reason that holds.

    Args:
        edges: as `clipped` gives them; more: further reasons, reason -> whom it holds for.
    """
    labelled = (annotated.visibility > 0).sum(axis=1)
    reasons = {
        CROWD: annotated.crowd,
        UNLABELLED: labelled == 0,
        FEW: labelled < min_keypoints,
        "people whose box is empty or no box": (annotated.bbox[:, 2:] <= 0).any(axis=1),
        "people whose box lies outside the picture or is too thin": (edges[:, 2:] <= edges[:, :2]).any(
            axis=1
        ),
        **more,
    }
    keep = np.ones(len(annotated.annotations), dtype=bool)
    for reason, holds in reasons.items():
        rows = np.flatnonzero(keep & holds)
        if len(rows):
            annotated.left_out[reason] = tuple(str(annotated.annotations[row]["id"]) for row in rows)
        keep[rows] = False
    return keep


def locate(annotated: Annotated, path: Path, root: Path, folder: str) -> None:
    """Finds the pictures below `root/folder`, and mends sizes that the file declares with width and height exchanged,
    as old CrowdPose files do; pictures of any other size than declared are counted.

    A few pictures' headers are read; all of them where one of those few is not as declared. Pictures that are not
    there are taken to be as declared.

    Raises:
        UserError: a name that leads out of `root`, or two names that lead to one picture.
    """
    declared = [image["file_name"] for image in annotated.images]
    find = ImageFiles(root, folder)
    files = [
        (isinstance(name, str) and find.find(name)) or folder + image_name(name, path) for name in declared
    ]
    one_a_picture(declared, files, path)
    annotated.files = tuple(files)
    count = len(files)
    few = range(0, count, max(1, count // SAMPLED))
    if any(_differs(root / files[row], annotated.images[row]) for row in few):
        _mend_sizes(annotated, root)


def _differs(file: Path, image: Json) -> bool:
    size = jpeg.header_size(file)
    return size is not None and size != _declared(image)


def _declared(image: Json) -> tuple[int, int]:
    """Width and height as the file says, 0 where it does not."""
    width, height = (image.get(key) for key in ("width", "height"))
    if not isinstance(width, int | float) or not isinstance(height, int | float):
        return 0, 0
    return (int(width), int(height)) if 0 < width < FARTHEST and 0 < height < FARTHEST else (0, 0)


def _mend_sizes(annotated: Annotated, root: Path) -> None:
    exchanged, other = [], []
    for name, image in zip(annotated.files, annotated.images, strict=True):
        size, declared = jpeg.header_size(root / name), _declared(image)
        if size is None or size == declared:
            continue
        if declared == (0, 0):
            image["width"], image["height"] = size
        elif size == declared[::-1] and not jpeg.turns(root / name):
            image["width"], image["height"] = size
            exchanged.append(name)
        else:
            other.append(name)
    for reason, names in ((EXCHANGED, exchanged), (OTHER_SIZE, other)):
        if names:
            annotated.left_out[reason] = tuple(names)


def clipped(annotated: Annotated) -> NDArray[np.float64]:
    """Person boxes (N, 4) x1 y1 x2 y2 cut off at the image's edge, as the simple-baselines code does."""
    size = np.array([_declared(image) for image in annotated.images], dtype=np.float64).reshape(-1, 2)
    limit = np.where(size > 0, size, np.inf)[annotated.person_image] - 1
    low = np.maximum(annotated.bbox[:, :2], 0)
    high = np.minimum(limit, low + np.maximum(annotated.bbox[:, 2:] - 1, 0))
    return np.concatenate([low, high], axis=1)


def pose_set(
    name: str,
    split: str,
    path: Path,
    root: Path,
    skeleton: Skeleton,
    annotated: Annotated,
    boxes: NDArray[np.floating],
    keep: NDArray[np.bool_],
    extras: dict[str, NDArray[Any]],
) -> PoseSet:
    """The record of the people of mask `keep` (N,), with `boxes` (N, 4), on pictures that `locate` found; every image
    of the file stays, with or without people."""
    # As published: CrowdPose does not count head and neck, and its API ignores people with 0.
    labelled = (annotated.visibility > 0).sum(axis=1)
    published = [joint_count(person.get("num_keypoints"), len(skeleton)) for person in annotated.annotations]
    counts = [n if count is None else count for count, n in zip(published, labelled, strict=True)]
    columns: dict[str, NDArray[Any]] = {
        "iscrowd": annotated.crowd,
        "num_keypoints": np.array(counts, dtype=np.int64),
        "bbox": annotated.bbox.astype(np.float32),
        **extras,
    }
    sizes = [_declared(image) for image in annotated.images]
    everybody = PoseSet(
        name=name,
        split=split,
        skeleton=skeleton,
        root=root,
        images=annotated.files,
        image_ids=np.array([image["id"] for image in annotated.images], dtype=np.int64),
        person_image=annotated.person_image,
        ids=np.array([p["id"] for p in annotated.annotations], dtype=np.int64),
        keypoints=annotated.keypoints,
        visibility=annotated.visibility,
        boxes=boxes.astype(np.float32),
        annotations=path,
        extras={**columns, "image_size": np.array(sizes, dtype=np.int64).reshape(-1, 2)},
        left_out=annotated.left_out,
        category=annotated.category,
        joint_order=annotated.order,
    )
    return everybody if keep.all() else everybody.people(keep)
