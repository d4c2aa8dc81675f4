"""The record every data set is read into: people and the images they are on, column by column.

Columns are arrays, not objects: workers share them without copying, and operations on a whole set are a few lines of
numpy. A reader (one file per official format) is a function `read(root, split, annotations=None) -> PoseSet`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from posereg.skeletons.skeleton import NOT_LABELLED, OCCLUDED, VISIBLE, Skeleton

# What readers leave out of every data set: no cause for concern. Other reasons in `left_out` are.
CROWD = "crowd regions"
UNLABELLED = "people without a labelled joint"
FEW = "people with fewer labelled joints than min_keypoints"
ORDINARY = (CROWD, UNLABELLED, FEW)
TURNED = "pictures that EXIF turns or mirrors (annotations are taken to be of the pictures as stored)"
TWICE_LISTED = "pictures that are listed under several ids"
DEEP = (
    "pictures of more than 8 bits a channel, read by the upper 8 (source.levels says which values are used)"
)
OTHER_SIZE = "pictures of another size than declared (boxes and joints may be those of other pixels)"

__all__ = ["NOT_LABELLED", "OCCLUDED", "VISIBLE", "PoseSet"]


class Numbers(Sequence[str]):
    """Ids as text that are kept as numbers: of 100,000 people without a joint the texts would take 7 MB."""

    def __init__(self, numbers: NDArray[np.int64]) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...

    def __getitem__(self, at: int | slice) -> str | tuple[str, ...]:
        if isinstance(at, slice):
            return tuple(map(str, self.numbers[at].tolist()))
        return str(self.numbers[at])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __repr__(self) -> str:
        return repr(tuple(self))


@dataclass(frozen=True)
class PoseSet:
    """N people on M images.

    Attributes:
        root: folder the image paths are relative to.
        images: M paths relative to `root`.
        image_ids: (M,) the data set's own ids.
        person_image: (N,) index into `images`.
        ids: (N,) unique id of each person; predictions refer to it.
        keypoints: (N, K, 2) float32, image pixels, 0-based pixel centres.
        visibility: (N, K) uint8: 0 not labelled, 1 labelled but occluded, 2 visible.
        boxes: (N, 4) float32 x1 y1 x2 y2, image pixels: the person region to crop, padding included,
            the aspect not yet fitted to the input.
        extras: further columns by name, each with N rows (or M rows for names starting with `image_`):
            `head_size`, `area`, `iscrowd`, `scale`, `xyz` ... as the reader documents.
        annotations: the annotation file (or folder with one file per person) that was read.
        marks_occlusion: whether the annotations tell occluded joints from visible ones; if not, all labelled joints
            count as visible.
        left_out: what of the annotations is not in the set or was changed, by reason: the ids in the file. All
            reasons but the `ORDINARY` ones deserve a look.
        category: the people's category id in a COCO-style file; joint_order: each joint's place there, where that is
            not the skeleton's. Results files of other programs go by both.
        levels: which values of pictures with more than 8 bits a channel are black and white; None: of all they can
            have, the lowest and the highest.
        more_annotations: those of further splits, where several were put together.
    """

    name: str
    split: str
    skeleton: Skeleton
    root: Path
    images: tuple[str, ...]
    image_ids: NDArray[np.int64]
    person_image: NDArray[np.int64]
    ids: NDArray[np.int64]
    keypoints: NDArray[np.float32]
    visibility: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    annotations: Path
    extras: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    left_out: dict[str, Sequence[str]] = field(default_factory=dict)
    category: int | None = None
    joint_order: tuple[int, ...] | None = None
    levels: tuple[float, float] | None = None
    more_annotations: tuple[Path, ...] = ()
    marks_occlusion: bool = True

    def __post_init__(self) -> None:
        people, joints = len(self.ids), len(self.skeleton)
        wanted = {
            "image_ids": (len(self.images),),
            "person_image": (people,),
            "keypoints": (people, joints, 2),
            "visibility": (people, joints),
            "boxes": (people, 4),
        }
        wrong = [
            f"{k} {getattr(self, k).shape}, not {s}" for k, s in wanted.items() if getattr(self, k).shape != s
        ]
        for name, column in self.extras.items():
            rows = len(self.images) if name.startswith("image_") else people
            if len(column) != rows:
                wrong.append(f"extras['{name}'] has {len(column)} rows, not {rows}")
        if wrong:
            raise ValueError(f"{self.name} {self.split}: " + "; ".join(wrong))

    def __len__(self) -> int:
        return len(self.ids)

    def image_path(self, person: int) -> Path:
        """Where the image of a person (a row of the set) lies on disk."""
        return self.root / self.images[int(self.person_image[person])]

    def remarks(self) -> list[str]:
        """A line for each reason to leave something out."""
        return [
            f"{self.name} {self.split}: {len(who)} {reason} (posereg data check lists them)"
            for reason, who in self.left_out.items()
        ]

    def shown(self) -> set[Path]:
        """The images that show people."""
        return {self.root / self.images[k] for k in set(self.person_image.tolist())}

    def people(self, index: Sequence[int] | NDArray[np.int64] | NDArray[np.bool_]) -> PoseSet:
        """The set with only these people (row numbers, or a mask (N,)), in this order; all images stay."""
        rows = np.asarray(index)
        extras = {k: v if k.startswith("image_") else v[rows] for k, v in self.extras.items()}
        return replace(
            self,
            person_image=self.person_image[rows],
            ids=self.ids[rows],
            keypoints=self.keypoints[rows],
            visibility=self.visibility[rows],
            boxes=self.boxes[rows],
            extras=extras,
        )

    def on_images(self, keep: NDArray[np.bool_]) -> PoseSet:
        """Only the images of the mask (M,) and the people on them; other images leave the set."""
        kept = self.people(keep[self.person_image])
        place = np.cumsum(keep) - 1
        images = np.flatnonzero(keep)
        return replace(
            kept,
            images=tuple(self.images[k] for k in images),
            image_ids=self.image_ids[images],
            person_image=place[kept.person_image],
            extras={
                name: column[images] if name.startswith("image_") else column
                for name, column in kept.extras.items()
            },
        )

    @cached_property
    def annotation_hash(self) -> str:
        """First 16 hex digits of the SHA-256 of the annotation files (of a folder: its files by name); part of every
        result's protocol."""
        digest = hashlib.sha256()
        places = (self.annotations, *self.more_annotations)
        files = [
            file for place in places for file in (sorted(place.iterdir()) if place.is_dir() else [place])
        ]
        for path in files:
            with open(path, "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()[:16]
