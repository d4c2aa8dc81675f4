"""COCO-style JSON of any origin: read with care, everything that is not as it should be counted by reason.

Joints go by the names in `categories`, ids may be texts or numbers, and sizes that a file declares are not used.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats.own_images import ImageFiles, one_a_picture, other_sizes
from posereg.errors import UserError
from posereg.files import read_json
from posereg.geometry import boxes as box
from posereg.records.coco_file import key_of
from posereg.records.poses import CROWD, OTHER_SIZE, UNLABELLED, PoseSet
from posereg.skeletons.skeleton import Skeleton

Json = dict[str, Any]
Choose = Callable[[Sequence[str]], Sequence[int]]
FARTHEST = 1e6  # pixels; no picture is that large
PREDICTED = "poses that SLEAP predicted and nobody labelled"
TWICE = "annotation ids that others have too (numbered anew)"


@dataclass(frozen=True)
class Person:
    """One annotation that can be used: its id in the file, its image, (K, 3) joints, x y width height or None."""

    name: str
    image: int
    joints: NDArray[np.float64]
    bbox: list[float] | None
    area: float


class LeftOut(dict[str, list[str]]):
    """By reason the ids of the annotations that were left out or changed."""

    def add(self, reason: str, who: str) -> None:
        """Count one."""
        self.setdefault(reason, []).append(who)


def load(path: Path) -> Json:
    """A COCO-style file.

    Raises:
        UserError: missing, or of another kind.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such annotation file (source.annotations)")
    content = read_json(path)
    lists: Json = content if isinstance(content, dict) else {}
    for key in ("images", "annotations", "categories"):
        if not isinstance(lists.get(key), list) or not all(isinstance(one, dict) for one in lists[key]):
            raise UserError(f"{path}: not a COCO-style annotation file ('{key}' must be a list of objects)")
    return lists


def pose_set(
    content: Json,
    path: Path,
    root: Path,
    name: str,
    split: str,
    skeleton: Skeleton,
    source: Mapping[str, Any],
    choose: Choose,
) -> PoseSet:
    """Everybody of one file who has a labelled joint and is on a listed image.

    Args:
        content: as `load` gives it; `path` is where it is from.
        choose: gives of all image paths the rows of those that belong to the split.

    Raises:
        UserError: joints or flags that could mean several things, an image id used twice.
    """
    category = _category(content, source.get("category"), path)
    order = _order(category, skeleton, path)
    listed, place = _images(content["images"], path)
    find = ImageFiles(root, source.get("images"))
    files = [find(image["file_name"]) for image in listed]
    one_a_picture([image["file_name"] for image in listed], files, path)
    rows = choose(files)
    new = {row: number for number, row in enumerate(rows)}
    left, people = LeftOut(), []
    for number, entry in enumerate(content["annotations"]):
        if key_of(entry.get("category_id")) != key_of(category.get("id")):
            continue
        who = key_of(entry.get("id")) or f"number {number + 1}"
        image = place.get(key_of(entry.get("image_id")))
        if image is None:
            left.add("people on an image that is not listed", who)
        elif image in new:
            person = _person(
                entry, who, new[image], order, len(skeleton), source.get("confidence"), left, path
            )
            if person:
                people.append(person)
    images = [listed[row] for row in rows]
    image_keys = [key_of(image["id"]) for image in images]
    every = [key_of(entry.get("id")) for entry in content["annotations"]]
    points = np.reshape([person.joints for person in people], (-1, len(skeleton), 3))
    visibility = points[..., 2].astype(np.uint8)
    bbox = _boxes(people, points, visibility)
    edges = np.concatenate([bbox[:, :2], bbox[:, :2] + bbox[:, 2:] - 1], axis=1)
    sizes = [(_whole(image.get("width")), _whole(image.get("height"))) for image in images]
    chosen = tuple(files[row] for row in rows)
    for picture in other_sizes(root, chosen, sizes):
        left.add(OTHER_SIZE, picture)
    return PoseSet(
        name=name,
        split=split,
        skeleton=skeleton,
        root=root,
        images=chosen,
        image_ids=_numbers(image_keys, [key_of(image["id"]) for image in listed]),
        person_image=np.array([person.image for person in people], dtype=np.int64),
        ids=_ids(people, every, left),
        keypoints=points[..., :2].astype(np.float32),
        visibility=visibility,
        boxes=box.padded(edges),
        annotations=path,
        extras={
            "bbox": bbox,
            "area": np.array([person.area for person in people], dtype=np.float64),
            "image_size": np.reshape(sizes, (-1, 2)).astype(np.int64),
            "image_key": np.array(image_keys, dtype=object),
        },
        left_out={reason: tuple(who) for reason, who in left.items()},
        category=category["id"] if isinstance(category.get("id"), int) else None,
        joint_order=_places(order, len(skeleton)),
    )


def _category(content: Json, wanted: Any, path: Path) -> Json:
    every = content["categories"]
    named = {str(one.get("name")): one for one in every}
    if wanted is not None:
        if str(wanted) not in named:
            raise UserError(f"{path}: no category '{wanted}' (source.category); it has {', '.join(named)}")
        return dict(named[str(wanted)])
    used = {key_of(person.get("category_id")) for person in content["annotations"] if person.get("keypoints")}
    fitting = [one for one in every if key_of(one.get("id")) in used] or every
    if len(fitting) != 1:
        names = ", ".join(str(one.get("name")) for one in fitting)
        raise UserError(f"{path}: has several categories; choose one with source.category: {names}")
    return dict(fitting[0])


def _order(category: Json, skeleton: Skeleton, path: Path) -> list[int]:
    """For each joint of the file its place in the skeleton, by name; -1 where the skeleton lacks it."""
    names = category.get("keypoints")
    if not isinstance(names, list) or not names:
        raise UserError(
            f"{path}: its category '{category.get('name')}' does not name its joints; add 'keypoints': "
            f"[{', '.join(skeleton.joints[:3])}, ...] in the order of the file"
        )
    lacking = [name for name in skeleton.joints if name not in names]
    if lacking:
        raise UserError(
            f"{path}: has no joint {', '.join(lacking)}, which the skeleton names; the file's are "
            f"{', '.join(map(str, names))}"
        )
    if len(set(names)) < len(names):
        raise UserError(f"{path}: its category '{category.get('name')}' names a joint twice")
    return [skeleton.joints.index(name) if name in skeleton.joints else -1 for name in names]


def _places(order: list[int], joints: int) -> tuple[int, ...] | None:
    """Each joint's place in the file, as results of other programs have them; None where that is the skeleton's, or the
    file has more joints."""
    return (
        None
        if order == list(range(joints)) or len(order) > joints
        else tuple(order.index(joint) for joint in range(joints))
    )


def _images(listed: list[Json], path: Path) -> tuple[list[Json], dict[str, int]]:
    images: list[Json] = []
    place: dict[str, int] = {}
    for image in listed:
        key, name = key_of(image.get("id")), image.get("file_name")
        if not key or not isinstance(name, str) or not name or "\0" in name:
            raise UserError(f"{path}: an image has no id or no file_name: {image!r:.100}")
        if key not in place:
            place[key] = len(images)
            images.append(image)
        elif images[place[key]]["file_name"] != name:
            first = images[place[key]]["file_name"]
            raise UserError(f"{path}: image id {key} is used twice: {first}, {name}")
    return images, place


def _person(
    entry: Json,
    who: str,
    image: int,
    order: list[int],
    joints: int,
    confidence: Any,
    left: LeftOut,
    path: Path,
) -> Person | None:
    """One annotation, with what is odd about it counted; None where nothing of it can be used."""
    if entry.get("iscrowd"):
        left.add(CROWD, who)
        return None
    if entry.get("predicted"):
        left.add(PREDICTED, who)
        return None
    points = _points(entry.get("keypoints"), len(order))
    if points is None:
        left.add("people whose keypoints are not three numbers for each joint", who)
        return None
    if confidence is None and (points[:, 2] < 0).any():
        left.add("people with a negative visibility (those joints are not labelled)", who)
    flags = _flags(points[:, 2], confidence, who, path)
    wild = (flags > 0) & ~(np.abs(points[:, :2]) < FARTHEST).all(axis=1)
    if wild.any():
        left.add("people with labelled joints that have no usable position (those are not labelled)", who)
        flags[wild] = 0
    kept = np.zeros((joints, 3))
    for joint, target in enumerate(order):
        if target >= 0 and flags[joint]:
            kept[target] = (*points[joint, :2], flags[joint])
    if not (kept[:, 2] > 0).any():
        left.add(UNLABELLED, who)
        return None
    bbox = _box(entry.get("bbox"))
    if bbox is None:
        left.add("people whose box is none (made from the joints instead)", who)
    return Person(who, image, kept, bbox, _area(entry.get("area")))


def _area(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 < value < FARTHEST**2 else math.nan


def _points(values: Any, joints: int) -> NDArray[np.float64] | None:
    """(J, 3), NaN where a value is no number; None where there are not three for each joint."""
    if not isinstance(values, list) or len(values) != 3 * joints:
        return None
    numbers = [float(v) if isinstance(v, int | float) and abs(v) < 1e300 else math.nan for v in values]
    return np.reshape(numbers, (joints, 3))


def _flags(values: NDArray[np.float64], confidence: Any, who: str, path: Path) -> NDArray[np.int64]:
    """Visibility 0, 1, 2. Negative and undefined is not labelled; confidences need a threshold."""
    known = np.nan_to_num(values, nan=0.0)
    if confidence is not None:
        return np.where(known >= float(confidence), 2, 0)
    odd = known[(known > 0) & ~np.isin(known, (1, 2))]
    if len(odd):
        raise UserError(
            f"{path}: annotation {who} has visibility {odd[0]:g}, which is not 0, 1 or 2; if these are confidences, "
            "say from which on a joint counts: source.confidence: 0.5"
        )
    return np.maximum(known, 0).astype(np.int64)


def _box(value: Any) -> list[float] | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    if not all(isinstance(v, int | float) and abs(v) < FARTHEST for v in value):
        return None
    return [float(v) for v in value] if value[2] > 0 and value[3] > 0 else None


def _boxes(
    people: list[Person], points: NDArray[np.float64], visibility: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """x y width height (N, 4) as annotated, else about the joints; at least two pixels wide, for a single joint."""
    tight = box.from_keypoints(points[..., :2], visibility > 0)
    rows = [
        [*tight[k, :2], *(tight[k, 2:] - tight[k, :2] + 1)] if person.bbox is None else person.bbox
        for k, person in enumerate(people)
    ]
    found = np.reshape(rows, (-1, 4)).astype(np.float32)
    found[:, 2:] = np.maximum(found[:, 2:], 2)
    return found


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < FARTHEST else 0


def _ids(people: list[Person], every: list[str], left: LeftOut) -> NDArray[np.int64]:
    """Ids of the people, numbered anew where the file uses one twice; that is counted."""
    uses = Counter(every)
    for person in people:
        if uses[person.name] > 1:
            left.add(TWICE, person.name)
    return _numbers([person.name for person in people], every)


def _numbers(keys: list[str], every: list[str]) -> NDArray[np.int64]:
    """The file's own ids where all of them are whole numbers, each used once; else 1, 2, ... in this order."""
    whole = all(key.removeprefix("-").isdecimal() and 0 <= int(key) < 2**63 for key in every)
    if whole and len(set(every)) == len(every):
        return np.array([int(key) for key in keys], dtype=np.int64)
    return np.arange(1, len(keys) + 1, dtype=np.int64)
