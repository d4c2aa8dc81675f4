"""COCO-style JSON of any origin: read with care, everything that is not as it should be counted by reason.

Joints go by the names in `categories`, ids may be texts or numbers, and sizes that a file declares are not used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats.own_images import ImageFiles, one_a_picture, other_sizes, turned_pictures
from posereg.data.formats.repeats import marks_of
from posereg.errors import UserError
from posereg.geometry import boxes as box
from posereg.records import columns_cache
from posereg.records.coco_columns import FARTHEST, SLAB, Columns, Ids
from posereg.records.coco_file import (
    NEGATIVE,
    NO_CATEGORY,
    NOWHERE,
    key_of,
    of_category,
    picked,
    places,
    posed,
    rows_of,
)
from posereg.records.memory import give_back
from posereg.records.parts import slabs
from posereg.records.poses import CROWD, OTHER_SIZE, TURNED, TWICE_LISTED, UNLABELLED, Numbers, PoseSet
from posereg.skeletons.skeleton import Skeleton

Json = dict[str, Any]
Choose = Callable[[Sequence[str]], Sequence[int]]
PREDICTED = "poses that SLEAP predicted and nobody labelled"
NO_BOX = "people whose box is none (made from the joints instead)"
BOX_BESIDE = "people whose box lies beside the picture (made from the joints instead)"
BESIDE = "people who are not on the picture"
REPEATED = "people who repeat another one (of the same picture, with the same joints)"
APART = "people none of whose joints lies in their box"
SHARES = "people whose joints all lie in the picture's first pixel (shares of its size instead of pixels?)"
TWICE = "annotation ids that others have too (numbered anew)"


def load(path: Path) -> Columns:
    """A COCO-style file.

    Raises:
        UserError: missing, or of another kind.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such annotation file (source.annotations)")
    columns = columns_cache.read(path)
    if not columns.categories:
        raise UserError(f"{path}: not a COCO annotation file (no 'categories', which name the joints)")
    return columns


def pose_set(
    columns: Columns,
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
        columns: as `load` gives them; `path` is where they are from.
        choose: gives of all image paths the rows of those that belong to the split.

    Raises:
        UserError: joints or flags that could mean several things, an image id used twice.
    """
    category = _category(columns, source.get("category"), path)
    order = _order(category, skeleton, path)
    listed = _images(columns, path)
    find = ImageFiles(root, source.get("images"))
    declared = columns.file_names
    names = [declared[row] for row in listed]
    files = [find(name) for name in names]
    one_a_picture(names, files, path)
    chosen = np.asarray(choose(files), np.int64)
    left: dict[str, Sequence[str]] = {}
    people, person_image = _people(columns, category, listed[chosen], left)
    people, person_image, flags = _flagged(
        columns, people, person_image, order, source.get("confidence"), left, path
    )
    given = columns.image_size[listed[chosen]]
    size = np.where((given > 0) & (given < FARTHEST), given, 0).astype(np.int64)
    here, bbox = _boxes(columns, people, flags, np.where(size > 0, size, np.inf), person_image, left)
    people, person_image, flags = people[here], person_image[here], flags[here]
    images = tuple(files[row] for row in chosen)
    several = (
        {name for name, uses in Counter(files).items() if uses > 1} if len(set(files)) < len(files) else set()
    )
    del declared, names, files, given
    for reason, which in (
        (OTHER_SIZE, other_sizes(root, images, size)),
        (TURNED, turned_pictures(root, images, size)),
        (TWICE_LISTED, [name for name in dict.fromkeys(images) if name in several]),
    ):
        if which:
            left[reason] = tuple(which)
    image_keys = picked(columns.image_ids, listed[chosen])
    ids = _ids(columns, people, left)
    boxes = box.padded(np.concatenate([bbox[:, :2], bbox[:, :2] + bbox[:, 2:] - 1], axis=1))
    area = _area(columns.area[people])
    keypoints, visibility = _joints(columns, people, flags, order, len(skeleton))
    _leave(left, APART, columns, people[_apart(keypoints, visibility, boxes)])
    return PoseSet(
        name=name,
        split=split,
        skeleton=skeleton,
        root=root,
        images=images,
        image_ids=_numbers(image_keys, picked(columns.image_ids, listed)),
        person_image=person_image,
        ids=ids,
        keypoints=keypoints,
        visibility=visibility,
        boxes=boxes,
        annotations=path,
        extras={
            "bbox": bbox,
            "area": area,
            "image_size": size,
            "image_key": _keys(image_keys),
        },
        left_out=left,
        category=category["id"] if isinstance(category.get("id"), int) else None,
        joint_order=_places(order, len(skeleton)),
    )


def _category(columns: Columns, wanted: Any, path: Path) -> Json:
    for one in columns.categories:
        if not key_of(one.get("id")):
            raise UserError(f"{path}: its category '{one.get('name')}' has no id")
    named = {str(one.get("name")): one for one in columns.categories}
    if wanted is not None:
        if str(wanted) not in named:
            raise UserError(f"{path}: no category '{wanted}' (source.category); it has {', '.join(named)}")
        return dict(named[str(wanted)])
    fitting = posed(columns) or columns.categories
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


def _images(columns: Columns, path: Path) -> NDArray[np.int64]:
    """Rows of the images, each id once."""
    names, ids = columns.file_names, columns.image_ids
    for row, name in enumerate(names):
        if not isinstance(name, str) or not name or "\0" in name:
            raise UserError(f"{path}: image {row + 1} of the list has no file_name: {name!r:.100}")
    first = rows_of(ids, ids)
    for row, value in enumerate(ids):
        if not key_of(value):
            raise UserError(f"{path}: image {names[row]} has no id")
        if names[first[row]] != names[row]:
            raise UserError(
                f"{path}: image id {key_of(value)} is used twice: {names[first[row]]}, {names[row]}"
            )
    return np.flatnonzero(first == np.arange(len(first)))


def _people(
    columns: Columns, category: Json, images: NDArray[np.int64], left: dict[str, Sequence[str]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the category's annotations on these images (rows of the file), and each one's place among the images."""
    people, nameless = of_category(columns, category.get("id"))
    if nameless:
        left[NO_CATEGORY] = nameless
    on = rows_of(picked(columns.images, people), columns.image_ids)
    _leave(left, "people on an image that is not listed", columns, people[on < 0])
    place = np.full(
        columns.parts.length("image_size") + 1, -1
    )  # the last one stands for images that are not listed
    place[images] = np.arange(len(images))
    here = place[on] >= 0
    return people[here], place[on][here]


def _flagged(
    columns: Columns,
    people: NDArray[np.int64],
    person_image: NDArray[np.int64],
    order: list[int],
    confidence: Any,
    left: dict[str, Sequence[str]],
    path: Path,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Those who have a labelled joint that the skeleton has, their images, and the visibility (N, F) of the file's
    joints; what is odd is counted."""

    def without(gone: NDArray[np.bool_], reason: str) -> None:
        nonlocal people, person_image
        _leave(left, reason, columns, people[gone])
        people, person_image = people[~gone], person_image[~gone]

    without(columns.crowd[people], CROWD)
    without(columns.predicted[people], PREDICTED)
    without(
        columns.lengths[people] != 3 * len(order),
        "people whose keypoints are not three numbers for each joint",
    )
    flags = np.zeros((len(people), len(order)), np.uint8)
    negative, nowhere, shares = np.zeros((3, len(people)), bool)
    marks = np.zeros(len(people), np.uint64)
    for some, points in columns.joints(people, len(order)):
        x, y, given = np.moveaxis(points, 2, 0)
        found = _flags(given, confidence, columns, people[some], path)
        wild = (found > 0) & ~((np.abs(x) < FARTHEST) & (np.abs(y) < FARTHEST))
        negative[some] = (given < 0).any(axis=1) & (confidence is None)
        nowhere[some] = wild.any(axis=1)
        flags[some] = np.where(wild, 0, found)
        labelled = flags[some] > 0
        first = (np.abs(np.stack([x, y])) <= 1).all(axis=0)
        shares[some] = (labelled.sum(axis=1) > 1) & (first | ~labelled).all(axis=1)
        marks[some] = marks_of(points, person_image[some])
    _leave(left, NEGATIVE, columns, people[negative])
    _leave(left, NOWHERE, columns, people[nowhere])
    flags[:, np.array(order) < 0] = 0  # of joints that the skeleton lacks
    nobody = np.asarray(~flags.any(axis=1), bool)
    without(nobody, UNLABELLED)
    flags, marks, shares = flags[~nobody], marks[~nobody], shares[~nobody]
    repeated = np.ones(len(people), bool)
    repeated[np.unique(marks, return_index=True)[1]] = False
    without(repeated, REPEATED)
    _leave(left, SHARES, columns, people[shares[~repeated]])
    return people, person_image, flags[~repeated]


def _joints(
    columns: Columns, people: NDArray[np.int64], flags: NDArray[np.uint8], order: list[int], joints: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Places (N, K, 2), 0 where not labelled, and visibility (N, K), in the skeleton's order."""
    give_back()
    known = [joint for joint, target in enumerate(order) if target >= 0]
    targets = [order[joint] for joint in known]
    visibility = flags
    if order != list(range(joints)):
        visibility = np.zeros((len(people), joints), np.uint8)
        visibility[:, targets] = flags[:, known]
    keypoints = np.zeros((len(people), joints, 2), np.float32)
    for some, found in places(columns, people, flags, None):
        keypoints[some, targets] = found[:, known]
    return keypoints, visibility


def _apart(
    keypoints: NDArray[np.float32], visibility: NDArray[np.uint8], boxes: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """(N,) whose joints all lie outside their box."""
    found = np.zeros(len(keypoints), bool)
    for some in slabs(len(found), SLAB):
        low, high = boxes[some, None, :2], boxes[some, None, 2:]
        inside = ((keypoints[some] >= low) & (keypoints[some] <= high)).all(axis=2)
        found[some] = ~(inside & (visibility[some] > 0)).any(axis=1)
    return found


def _leave(left: dict[str, Sequence[str]], reason: str, columns: Columns, people: NDArray[np.int64]) -> None:
    """Count people (rows of the file) by a reason."""
    if len(people):
        ids = picked(columns.ids, people)
        left[reason] = (
            Numbers(ids)
            if isinstance(ids, np.ndarray)
            else tuple(key_of(one) or f"number {row + 1}" for one, row in zip(ids, people, strict=True))
        )


def _area(area: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where((area > 0) & (area < FARTHEST**2), area, np.nan)


def _flags(
    values: NDArray[Any], confidence: Any, columns: Columns, people: NDArray[np.int64], path: Path
) -> NDArray[np.uint8]:
    """Visibility 0, 1, 2. Negative and undefined is not labelled; confidences need a threshold."""
    if confidence is not None:
        return np.where(values >= float(confidence), 2, 0).astype(np.uint8)
    odd = (values > 0) & (values != 1) & (values != 2)
    if odd.any():
        row = int(np.argmax(odd.any(axis=1)))
        (name,) = picked(columns.ids, people[row : row + 1])
        raise UserError(
            f"{path}: annotation {key_of(name) or f'number {people[row] + 1}'} has visibility {values[odd][0]:g}, "
            "which is not 0, 1 or 2; if these are confidences, say from which on a joint counts: source.confidence: 0.5"
        )
    return np.where(values > 0, values, 0).astype(np.uint8)


def _boxes(
    columns: Columns,
    people: NDArray[np.int64],
    flags: NDArray[np.uint8],
    limit: NDArray[np.float64],
    person_image: NDArray[np.int64],
    left: dict[str, Sequence[str]],
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Who is on the picture (N,), and of those x y width height: as annotated, else about the joints; at least two
    pixels wide, for a single joint.

    Args:
        flags: (N, F) visibility of the file's joints. limit: (M, 2) width and height of the pictures, infinite where
            not declared.
    """
    found = np.empty((len(people), 4), np.float32)
    none, beside = np.zeros((2, len(people)), bool)
    for some, given in columns.some("bbox", people):
        edge = limit[person_image[some]]
        none[some] = ~(given[:, 2:] > 0).all(axis=1)
        beside[some] = ((given[:, :2] >= edge) | (given[:, :2] + given[:, 2:] <= 0)).any(axis=1) & ~none[some]
        found[some] = given
    lost = np.flatnonzero(none | beside)
    here = np.ones(len(people), bool)
    for some, joints in places(columns, people[lost], flags[lost], None):
        rows = lost[some]
        labelled = flags[rows] > 0
        edge = limit[person_image[rows], None]
        here[rows] = (labelled & ((joints > -1) & (joints < edge)).all(axis=2)).any(axis=1)
        tight = box.from_keypoints(joints.astype(np.float64), labelled)
        found[rows] = np.concatenate([tight[:, :2], tight[:, 2:] - tight[:, :2] + 1], axis=1)
    _leave(left, BESIDE, columns, people[~here])
    _leave(left, NO_BOX, columns, people[here & none])
    _leave(left, BOX_BESIDE, columns, people[here & beside])
    np.maximum(found[:, 2:], 2, out=found[:, 2:])
    return here, found[here]


def _ids(columns: Columns, people: NDArray[np.int64], left: dict[str, Sequence[str]]) -> NDArray[np.int64]:
    """Ids of the people, numbered anew where the file uses one twice; that is counted."""
    ids = columns.ids
    if not isinstance(ids, np.ndarray) or len(np.unique(ids)) < len(ids):
        first = rows_of(ids, ids)
        uses = np.bincount(first, minlength=len(first))[first]
        _leave(left, TWICE, columns, people[uses[people] > 1])
    return _numbers(picked(ids, people), ids)


def _keys(values: Ids) -> NDArray[Any]:
    return values if isinstance(values, np.ndarray) else np.array(list(map(key_of, values)), object)


def _numbers(values: Ids, every: Ids) -> NDArray[np.int64]:
    """The file's own ids where all of them are whole numbers, each used once; else 1, 2, ... in this order."""
    if isinstance(every, np.ndarray):
        whole = not len(every) or (int(every.min()) >= 0 and len(np.unique(every)) == len(every))
        return np.asarray(values) if whole else np.arange(1, len(values) + 1)
    keys = [key_of(value) for value in every]
    whole = all(key.removeprefix("-").isdecimal() and 0 <= int(key) < 2**63 for key in keys)
    if whole and len(set(keys)) == len(keys):
        return np.array([int(key_of(value)) for value in values], dtype=np.int64)
    return np.arange(1, len(values) + 1, dtype=np.int64)
