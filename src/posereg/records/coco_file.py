"""A COCO keypoint file as readers and metrics see it: people alone, joints by name, ids told apart, flags 0, 1, 2.

What is not as the format says is either refused in one line or mended and counted by reason, the same for training
and scoring.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.records.coco_columns import FARTHEST, Columns, Ids
from posereg.skeletons.skeleton import Skeleton

Json = dict[str, Any]
NEGATIVE = "people with a negative visibility (those joints are not labelled)"
NOWHERE = "people with labelled joints that have no usable position (those are not labelled)"
NO_CATEGORY = "annotations of no category that the file lists"
RENUMBERED = "annotations without an id of their own (numbered anew)"


@dataclass(frozen=True)
class CocoFile:
    """M images and the N people of one file.

    Attributes:
        images: (M,) rows of the file's images, each id once; image_ids: (M,) their ids.
        rows: (N,) rows of the file's annotations that are of the one category.
        ids: (N,) a number of each person's own. person_image_ids: (N,) the image that each is on.
        visibility: (N, K) in the skeleton's order.
        num_keypoints: (N,) how many joints the file says are labelled, -1 where it does not.
        category: its id. described: what the file says of it. order: each joint's place in the file, None where that
            is the skeleton's order.
        left_out: ids of the annotations that were mended, by reason.
        columns: where the joints' places still are.
    """

    images: NDArray[np.int64]
    image_ids: NDArray[np.int64]
    rows: NDArray[np.int64]
    ids: NDArray[np.int64]
    person_image_ids: NDArray[np.int64]
    visibility: NDArray[np.uint8]
    num_keypoints: NDArray[np.int64]
    category: int
    described: Json
    order: tuple[int, ...] | None
    left_out: dict[str, Sequence[str]]
    columns: Columns


def coco_file(columns: Columns, path: Path | str, skeleton: Skeleton, by_name: bool = True) -> CocoFile:
    """The people of a file.

    Args:
        by_name: whether joints are put in order by the names that the category gives; without it the file has the
            skeleton's order whatever it says.

    Raises:
        UserError: several categories of which none is `person`, another number of joints or an order that cannot be
            told, flags that are no visibility, ids that are no whole numbers of 64 bits, an image id for two pictures.
    """
    described = person_category(columns, path)
    category = whole(described.get("id", 1), f"{path}: category id")
    images, image_ids = _images(columns, path)
    rows, nowhere = of_category(columns, category)
    order = joint_order(described.get("keypoints"), skeleton, path) if by_name else None
    left: dict[str, Sequence[str]] = {NO_CATEGORY: nowhere} if nowhere else {}
    ids = _numbered(picked(columns.ids, rows), left)
    said = columns.num_keypoints[rows]
    counts = np.where((said >= 0) & (said <= len(skeleton)), said, -1).astype(np.int64)
    _same_joints(columns, rows, ids, skeleton, path)
    visibility = _visibility(columns, rows, len(skeleton), counts, ids, left, path)
    return CocoFile(
        images=images,
        image_ids=image_ids,
        rows=rows,
        ids=ids,
        person_image_ids=_whole_numbers(picked(columns.images, rows), f"{path}: image id"),
        visibility=visibility if order is None else visibility[:, order],
        num_keypoints=counts,
        category=category,
        described=described,
        order=None if order is None else tuple(order.tolist()),
        left_out=left,
        columns=columns,
    )


def places(
    columns: Columns,
    rows: NDArray[np.int64],
    visibility: NDArray[np.uint8],
    order: Sequence[int] | None,
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Joints (r, K, 2) of people (R,) in the skeleton's order, some people after the others, as exact as in the file; 0
    where not labelled.

    Args:
        rows, visibility (R, K), order: as of `CocoFile`.
    """
    for some, joints in columns.joints(rows, visibility.shape[1]):
        found = joints[..., :2] if order is None else joints[:, list(order), :2]
        np.copyto(found, 0, where=(visibility[some] == 0)[..., None])
        yield some, found


def person_category(columns: Columns, path: Path | str) -> Json:
    """The category `person`, or the only one that has people; empty if the file names none.

    Raises:
        UserError: several others.
    """
    every = columns.categories
    named = [one for one in every if one.get("name") == "person"]
    if named or len(every) < 2:
        return dict((named or every or [{}])[0])
    fitting = posed(columns) or every
    if len(fitting) > 1:
        names = ", ".join(str(one.get("name")) for one in fitting)
        raise UserError(
            f"{path}: has several categories and none is 'person': {names}; a YAML of its own chooses one "
            "(docs/own_data.md)"
        )
    return dict(fitting[0])


def posed(columns: Columns) -> list[Json]:
    """The categories that have annotations with keypoints."""
    used = {key_of(value) for value in picked(columns.category_ids, np.flatnonzero(columns.lengths))}
    return [one for one in columns.categories if key_of(one.get("id")) in used]


def of_category(columns: Columns, category: Any) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Rows of the annotations of a category, and the ids of those that are of none that the file lists. Who names no
    category is of the only one."""
    own, given = key_of(category), columns.category_ids
    known = {own, *(key_of(one.get("id", category)) for one in columns.categories)}
    blank = own if len(columns.categories) < 2 else ""
    if isinstance(given, np.ndarray):
        keys = {key_of(value): value for value in np.unique(given).tolist()}
        rows = np.flatnonzero(given == keys[own]) if own in keys else np.zeros(0, np.int64)
        lost = np.flatnonzero(np.isin(given, [value for key, value in keys.items() if key not in known]))
    else:
        named = [key_of(value) or blank for value in given]
        rows = np.flatnonzero([key == own for key in named])
        lost = np.flatnonzero([key not in known for key in named])
    return rows, tuple(map(key_of, picked(columns.ids, lost)))


def picked(values: Ids, rows: NDArray[np.int64]) -> Ids:
    """Some of the ids."""
    return values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]


def rows_of(wanted: Ids, known: Ids) -> NDArray[np.int64]:
    """For each id its first place among the known ones, -1 where it is not; 7, 7.0 and "7" are one id."""
    if isinstance(wanted, np.ndarray) and isinstance(known, np.ndarray) and len(known):
        order = np.argsort(known, kind="stable")
        at = order[np.searchsorted(known, wanted, sorter=order).clip(max=len(known) - 1)]
        return np.where(known[at] == wanted, at, -1)
    place: dict[str, int] = {}
    for row, value in enumerate(known):
        place.setdefault(key_of(value), row)
    return np.array([place.get(key_of(value), -1) for value in wanted], np.int64)


def joint_order(
    names: Sequence[str] | None, skeleton: Skeleton, path: Path | str
) -> NDArray[np.int64] | None:
    """For each joint of the skeleton its place in the file; None if the file has the skeleton's order, or does not
    name its joints as the skeleton does.

    Raises:
        UserError: some joints are known by name, and stand elsewhere.
    """
    joints = skeleton.joints
    if not names or len(names) != len(joints) or tuple(names) == joints:
        return None
    if set(names) == set(joints):
        return np.array([list(names).index(joint) for joint in joints])
    moved = [name for k, name in enumerate(names) if name in joints and joints.index(name) != k]
    if moved:
        unknown = ", ".join(str(name) for name in names if name not in joints)
        raise UserError(
            f"{path}: joint {moved[0]} is not where {skeleton.name} has it, and the file's {unknown} are none of "
            f"its names; name the joints as in {', '.join(joints)}"
        )
    return None


def key_of(value: Any) -> str:
    """An id as text, the same for 7, 7.0 and "7"; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def whole(value: Any, what: str) -> int:
    """An id as a number: 7, 7.0 and "7" are the same.

    Raises:
        UserError: no whole number of 64 bits.
    """
    text = isinstance(value, str) and value.strip().removeprefix("-").isdecimal()
    number = int(value) if text or (isinstance(value, float) and value.is_integer()) else value
    if not isinstance(number, int) or isinstance(number, bool) or not -(2**63) <= number < 2**63:
        raise UserError(f"{what} {json.dumps(value)[:60]} is no whole number of 64 bits; number them anew")
    return number


def _images(columns: Columns, path: Path | str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the images, each id once, and the ids."""
    ids = _whole_numbers(columns.image_ids, f"{path}: image id")
    _, first, which = np.unique(ids, return_index=True, return_inverse=True)
    twice = np.flatnonzero(first[which] != np.arange(len(ids)))
    names = columns.file_names if len(twice) else []
    for row in twice:
        name, other = names[first[which[row]]], names[row]
        if name != other:
            raise UserError(f"{path}: image id {ids[row]} is used twice: {name}, {other}")
    rows = np.sort(first)
    return rows, ids[rows]


def _whole_numbers(values: Ids, what: str) -> NDArray[np.int64]:
    """
    Raises:
        UserError: from `whole`.
    """
    if isinstance(values, np.ndarray):
        return values
    return np.array([whole(value, what) for value in values], np.int64)


def _numbered(given: Ids, left: dict[str, Sequence[str]]) -> NDArray[np.int64]:
    """For everybody a whole number of their own; the file's own ones if all are that."""
    try:
        numbers = _whole_numbers(given, "")
    except UserError:
        numbers = np.zeros(0, np.int64)
    if len(np.unique(numbers)) == len(given):
        return numbers
    uses = Counter(str(value) for value in given)
    odd = [
        str(v)
        for v in given
        if not isinstance(v, int | np.integer) or not -(2**63) <= v < 2**63 or uses[str(v)] > 1
    ]
    if odd:
        left[RENUMBERED] = tuple(odd)
    return np.arange(1, len(given) + 1)


def _same_joints(
    columns: Columns, rows: NDArray[np.int64], ids: NDArray[np.int64], skeleton: Skeleton, path: Path | str
) -> None:
    """
    Raises:
        UserError: somebody has another number of joints. Lists that are all zero may be short: CrowdPose gives its
            crowd regions six.
    """
    lengths = columns.lengths[rows]
    for row in np.flatnonzero((lengths != 3 * len(skeleton)) & (columns.stored[rows] > 0)):
        raise UserError(
            f"{path}: person {ids[row]} has {lengths[row] / 3:g} joints, {skeleton.name} has {len(skeleton)}"
        )


def _visibility(
    columns: Columns,
    rows: NDArray[np.int64],
    joints: int,
    counts: NDArray[np.int64],
    ids: NDArray[np.int64],
    left: dict[str, Sequence[str]],
    path: Path | str,
) -> NDArray[np.uint8]:
    """(N, K) in the file's order: 0 also for joints whose flag is no visibility or whose place is none, which are
    counted; of people with such joints `counts` is set to what remains."""
    found = np.zeros((len(rows), joints), np.uint8)
    negative, nowhere = np.zeros((2, len(rows)), bool)
    for some, given in columns.joints(rows, joints):
        x, y, flags = np.moveaxis(given, 2, 0)
        odd = (flags > 0) & (flags != 1) & (flags != 2)
        if odd.any():
            row = int(np.argmax(odd.any(axis=1)))
            raise UserError(
                f"{path}: annotation {ids[some][row]} has visibility {flags[row][odd[row]][0]:g}, which is not 0, 1 "
                "or 2; confidences must become flags first (a YAML of its own does that with source.confidence, "
                "docs/own_data.md)"
            )
        below = ~(flags >= 0)
        lost = (flags > 0) & ~((np.abs(x) < FARTHEST) & (np.abs(y) < FARTHEST))
        negative[some], nowhere[some] = below.any(axis=1), lost.any(axis=1)
        np.copyto(found[some], flags, where=~(below | lost), casting="unsafe")
    for reason, which in ((NEGATIVE, negative), (NOWHERE, nowhere)):
        if which.any():
            left[reason] = tuple(ids[which].astype(str).tolist())
    mended = (negative | nowhere) & (counts >= 0)
    counts[mended] = (found[mended] > 0).sum(axis=1)
    return found
