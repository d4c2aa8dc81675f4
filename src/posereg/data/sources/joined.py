"""Joins several data sets into one to train on: the first, followed by people of the others, in its joints.

Only the named split grows; validation and scoring use the first set alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats.splits import all_left_out
from posereg.data.sources.source import Reader
from posereg.geometry import boxes
from posereg.records.poses import PoseSet
from posereg.skeletons.skeleton import mapping


@dataclass(frozen=True)
class Part:
    """Another set's people: its reader, folder and split, as in conf/data."""

    reader: Reader
    root: Path | str
    split: str
    annotations: Path | str | None = None

    def read(self) -> PoseSet:
        """The people of this part.

        Raises:
            UserError: from the reader.
        """
        root = Path(self.root)
        return self.reader(root=root, split=self.split, annotations=self.annotations)


def read(
    root: Path | str,
    split: str,
    annotations: Path | str | None = None,
    *,
    first: Reader,
    more: Mapping[str, Part],
    grows: str = "train",
) -> PoseSet:
    """The people of `first`; in the split `grows`, those of `more` follow.

    Joints another set does not have are unlabelled, and its images carry absolute paths. Columns (`extras`) keep
    the first set's values and are NaN, or -1 for whole numbers, for the rest.

    Raises:
        UserError: from the readers.
    """
    poses = first(root=Path(root), split=split, annotations=annotations)
    if split != grows:
        return poses
    for part in more.values():
        poses = joined(poses, part.read())
    return poses


def joined(poses: PoseSet, other: PoseSet) -> PoseSet:
    """Both sets as one, in the joints of the first; the other's ids and image ids continue the first's."""
    mapped = in_joints_of(other, poses, (), joint_boxes=False)
    folder = other.root.absolute()

    def both(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(poses, name), getattr(mapped, name)])

    images, people = len(other.images), len(other)
    return replace(
        poses,
        images=poses.images + tuple(str(folder / name) for name in other.images),
        image_ids=_continued(poses.image_ids, images),
        person_image=np.concatenate([poses.person_image, other.person_image + len(poses.images)]),
        ids=_continued(poses.ids, people),
        keypoints=both("keypoints"),
        visibility=both("visibility"),
        boxes=both("boxes"),
        left_out=all_left_out((poses, other)),
        marks_occlusion=poses.marks_occlusion and other.marks_occlusion,
        extras={
            name: _padded(column, images if name.startswith("image_") else people)
            for name, column in poses.extras.items()
        },
    )


def _continued(ids: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return np.concatenate([ids, np.arange(count) + int(ids.max(initial=-1)) + 1])


def _padded(column: NDArray[np.generic], count: int) -> NDArray[np.generic]:
    unknown = np.nan if np.issubdtype(column.dtype, np.floating) else -1
    rest = np.full((count, *column.shape[1:]), unknown).astype(column.dtype)
    return np.concatenate([column, rest])


def in_joints_of(poses: PoseSet, target: PoseSet, extras: Sequence[str], joint_boxes: bool) -> PoseSet:
    """A set in the joints of another: joints it does not have are unlabelled, columns `extras` are NaN.

    Args:
        joint_boxes: make the boxes from the labelled joints (before the change), padded by 1.25.
    """
    order = mapping(poses.skeleton, target.skeleton)
    there = order >= 0
    regions = poses.boxes
    if joint_boxes:
        tight = boxes.from_keypoints(poses.keypoints, poses.visibility > 0)
        regions = boxes.padded(tight)
    count = len(poses)
    unknown = {name: np.full((count, *target.extras[name].shape[1:]), np.nan, np.float32) for name in extras}
    return replace(
        poses,
        skeleton=target.skeleton,
        keypoints=np.where(there[:, None], poses.keypoints[:, order], 0).astype(np.float32),
        visibility=np.where(there, poses.visibility[:, order], 0).astype(np.uint8),
        boxes=regions,
        extras=unknown,
    )
