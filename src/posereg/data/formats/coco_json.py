"""What COCO keypoints, CrowdPose and Human3.6M in COCO's format have in common: one JSON file, checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats.own_images import ImageFiles, one_a_picture
from posereg.data.formats.paths import image_name
from posereg.data.samples import jpeg
from posereg.data.samples.frames import file_of
from posereg.errors import UserError
from posereg.files import reading
from posereg.geometry.boxes import padded
from posereg.records import columns_cache
from posereg.records.coco_columns import FARTHEST, Columns
from posereg.records.coco_file import CocoFile, coco_file, places, rows_of
from posereg.records.memory import give_back
from posereg.records.poses import CROWD, FEW, OTHER_SIZE, TWICE_LISTED, UNLABELLED, Numbers, PoseSet
from posereg.skeletons.skeleton import CROWDPOSE, Skeleton

SAMPLED = 200  # pictures whose size is looked at whatever the file says
MISCOUNTED = (
    "people whose num_keypoints says nothing is labelled where joints are, or the reverse (AP goes by it)"
)
EXCHANGED = "pictures whose width and height the annotations exchange (put right)"


@dataclass
class Annotated:
    """N people of one file, in its order, and all its images (M)."""

    image_ids: NDArray[np.int64]  # (M,)
    file_names: list[Any]
    image_size: NDArray[np.int64]  # (M, 2) width and height as the file says, 0 where it does not
    crowding: NDArray[np.float64]  # (M,) CrowdPose's crowdIndex
    rows: NDArray[np.int64]  # (N,) of the file's annotations
    ids: NDArray[np.int64]  # (N,)
    person_image: NDArray[np.int64]  # (N,)
    visibility: NDArray[np.uint8]  # (N, K)
    num_keypoints: NDArray[np.int64]  # (N,) as the file says, else counted
    area: NDArray[np.float64]  # (N,)
    crowd: NDArray[np.bool_]  # (N,)
    columns: Columns  # of the file
    left_out: dict[str, Sequence[str]] = field(default_factory=dict)  # as of PoseSet
    category: int | None = None  # as of PoseSet; order: its joint_order
    order: tuple[int, ...] | None = None
    files: tuple[str, ...] = ()  # (M,) paths below the root, once `locate` found them
    looked_at: tuple[Path, ...] = ()  # by `locate`: folders, and pictures whose size it read

    def named(self, people: NDArray[np.bool_]) -> Numbers:
        """The ids of those of a mask (N,)."""
        return Numbers(self.ids[people])

    def keep(self, people: NDArray[np.bool_]) -> None:
        """Leaves only those of a mask (N,)."""
        for name in ("rows", "ids", "person_image", "visibility", "num_keypoints", "area", "crowd"):
            setattr(self, name, getattr(self, name)[people])

    def bbox(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Some people after the others, and of each (n, 4) x y width height as in the file; zeros where it is none."""
        return ((some, np.nan_to_num(found)) for some, found in self.columns.some("bbox", self.rows))

    def keypoints(self) -> NDArray[np.float32]:
        """(N, K, 2), 0 where not labelled."""
        give_back()
        found = np.empty((*self.visibility.shape, 2), np.float32)
        for some, joints in places(self.columns, self.rows, self.visibility, self.order):
            found[some] = joints
        return found


def load(path: Path, skeleton: Skeleton, by_name: bool = True, outlines: bool = False) -> Annotated:
    """The people of a file's category.

    Args:
        by_name: as of `coco_file`. outlines: whether to read those of crowd regions and unlabelled people.

    Raises:
        UserError: not a COCO keypoint file, a person on an unknown image, or another number of joints.
    """
    columns = columns_cache.read(path, outlines)
    with reading(path, "a COCO annotation file"):
        return _annotated(path, skeleton, coco_file(columns, path, skeleton, by_name))


def _annotated(path: Path, skeleton: Skeleton, file: CocoFile) -> Annotated:
    columns = file.columns
    on = rows_of(file.person_image_ids, file.image_ids)
    if (lost := on < 0).any():
        raise UserError(
            f"{path}: person {file.ids[lost][0]} is on image {file.person_image_ids[lost][0]}, which is not listed"
        )
    size = columns.image_size[file.images]
    sound = ((size > 0) & (size < FARTHEST)).all(axis=1, keepdims=True)
    names = columns.file_names
    # CrowdPose counts its last two joints, head and neck, neither here nor there.
    joints = file.visibility[:, : -2 if skeleton == CROWDPOSE else None]
    none = ~(joints > 0).any(axis=1)
    ignored = (file.num_keypoints >= 0) & ((file.num_keypoints == 0) != none)
    if ignored.any():
        file.left_out[MISCOUNTED] = Numbers(file.ids[ignored])
    return Annotated(
        image_ids=file.image_ids,
        file_names=[names[row] for row in file.images],
        image_size=np.where(sound, size, 0).astype(np.int64),
        crowding=columns.crowding[file.images],
        rows=file.rows,
        ids=file.ids,
        person_image=on,
        visibility=file.visibility,
        # As published: CrowdPose does not count head and neck, and its API ignores people with 0.
        num_keypoints=np.where(file.num_keypoints < 0, (file.visibility > 0).sum(axis=1), file.num_keypoints),
        area=columns.area[file.rows],
        crowd=columns.crowd[file.rows],
        columns=columns,
        left_out=file.left_out,
        category=file.category,
        order=file.order,
    )


def kept(
    annotated: Annotated, min_keypoints: int, more: Mapping[str, NDArray[np.bool_]]
) -> NDArray[np.bool_]:
    """The people to crop (N,); the others are counted in `annotated.left_out`, each by the first reason that holds.

    Args:
        more: further reasons, reason -> whom it holds for.
    """
    labelled = (annotated.visibility > 0).sum(axis=1, dtype=np.int16)
    empty, beside = np.zeros((2, len(labelled)), bool)
    for some, bbox in annotated.bbox():
        edges = clipped(bbox, annotated.image_size[annotated.person_image[some]])
        empty[some] = (bbox[:, 2:] <= 0).any(axis=1)
        beside[some] = (edges[:, 2:] <= edges[:, :2]).any(axis=1)
    reasons = {
        CROWD: annotated.crowd,
        UNLABELLED: labelled == 0,
        FEW: labelled < min_keypoints,
        "people whose box is empty or no box": empty,
        "people whose box lies outside the picture or is too thin": beside,
        **more,
    }
    keep = np.ones(len(annotated.ids), dtype=bool)
    for reason, holds in reasons.items():
        if (lost := keep & holds).any():
            annotated.left_out[reason] = annotated.named(lost)
        keep &= ~lost
    return keep


def locate(annotated: Annotated, path: Path, root: Path, folder: str) -> None:
    """Finds the pictures below `root/folder`, and mends sizes that the file declares with width and height exchanged,
    as old CrowdPose files do; pictures of any other size than declared are counted.

    A few pictures' headers are read; all of them where one of those few is not as declared. Pictures that are not
    there are taken to be as declared.

    Raises:
        UserError: a name that leads out of `root`, or two names that lead to one picture.
    """
    declared = annotated.file_names
    find = ImageFiles(root, folder)
    files = [
        (isinstance(name, str) and find.find(name)) or folder + image_name(name, path) for name in declared
    ]
    one_a_picture(declared, files, path)
    if len(set(files)) < len(files):
        twice = [name for name, uses in Counter(files).items() if uses > 1]
        annotated.left_out[TWICE_LISTED] = tuple(twice)
    annotated.files = tuple(files)
    count = len(files)
    few = range(0, count, max(1, count // SAMPLED))
    as_declared = not any(_differs(root / files[row], annotated.image_size[row]) for row in few)
    if not as_declared:
        _mend_sizes(annotated, root)
    opened = (files[row] for row in few) if as_declared else files
    annotated.looked_at = (*find.looked_into(), *(root / file_of(file) for file in opened))


def _differs(file: Path, declared: NDArray[np.int64]) -> bool:
    size = jpeg.header_size(file)
    return size is not None and size != tuple(declared)


def _mend_sizes(annotated: Annotated, root: Path) -> None:
    exchanged, other = [], []
    for name, given in zip(annotated.files, annotated.image_size, strict=True):
        size, declared = jpeg.header_size(root / name), tuple(given.tolist())
        if size is None or size == declared:
            continue
        if declared == (0, 0):
            given[:] = size
        elif size == declared[::-1] and not jpeg.turns(root / name):
            given[:] = size
            exchanged.append(name)
        else:
            other.append(name)
    for reason, names in ((EXCHANGED, exchanged), (OTHER_SIZE, other)):
        if names:
            annotated.left_out[reason] = tuple(names)


def clipped(bbox: NDArray[np.float64], size: NDArray[np.int64]) -> NDArray[np.float64]:
    """Boxes (N, 4) x y width height as x1 y1 x2 y2 cut off at the image's edge, as the simple-baselines code does.

    Args:
        size: (N, 2) width and height of each one's image, 0 where not known.
    """
    limit = np.where(size > 0, size, np.inf) - 1
    low = np.maximum(bbox[:, :2], 0)
    high = np.minimum(limit, low + np.maximum(bbox[:, 2:] - 1, 0))
    return np.concatenate([low, high], axis=1)


def crops(annotated: Annotated) -> NDArray[np.float32]:
    """(N, 4) x1 y1 x2 y2: annotated boxes cut off at the image's edge and padded x1.25."""
    found = np.empty((len(annotated.ids), 4), np.float32)
    for some, bbox in annotated.bbox():
        found[some] = padded(clipped(bbox, annotated.image_size[annotated.person_image[some]]))
    return found


def pose_set(
    name: str,
    split: str,
    path: Path,
    root: Path,
    skeleton: Skeleton,
    annotated: Annotated,
    keypoints: NDArray[np.float32],
    boxes: NDArray[np.float32],
    extras: dict[str, NDArray[Any]],
) -> PoseSet:
    """The record of everybody in `annotated`, with `keypoints` (N, K, 2) and `boxes` (N, 4), on pictures that `locate`
    found; every image of the file stays, with or without people."""
    published = np.empty((len(annotated.ids), 4), np.float32)
    for some, bbox in annotated.bbox():
        published[some] = bbox
    return PoseSet(
        name=name,
        split=split,
        skeleton=skeleton,
        root=root,
        images=annotated.files,
        image_ids=annotated.image_ids,
        person_image=annotated.person_image,
        ids=annotated.ids,
        keypoints=keypoints,
        visibility=annotated.visibility,
        boxes=boxes,
        annotations=path,
        extras={
            "iscrowd": annotated.crowd,
            "num_keypoints": annotated.num_keypoints,
            "bbox": published,
            **extras,
            "image_size": annotated.image_size,
        },
        left_out=annotated.left_out,
        category=annotated.category,
        joint_order=annotated.order,
    )
