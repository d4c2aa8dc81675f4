"""A COCO keypoint file as readers and metrics see it: people alone, joints by name, ids told apart, flags 0, 1, 2.

What is not as the format says is either refused in one line or mended and counted by reason, the same for training
and scoring.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.skeletons.skeleton import Skeleton

Json = dict[str, Any]
FARTHEST = 1e6  # pixels; no picture is that large
NEGATIVE = "people with a negative visibility (those joints are not labelled)"
NOWHERE = "people with labelled joints that have no usable position (those are not labelled)"
RENUMBERED = "annotations without an id of their own (numbered anew)"


@dataclass(frozen=True)
class CocoFile:
    """Images and people of one file.

    Attributes:
        people: the annotations of the one category, `keypoints` in the skeleton's order, `id` and `image_id` whole
            numbers, each `id` once.
        category: its id. order: each joint's place in the file, None where that is the skeleton's order.
        left_out: ids of the annotations that were mended, by reason.
    """

    images: list[Json]
    people: list[Json]
    category: int
    order: tuple[int, ...] | None
    left_out: dict[str, tuple[str, ...]]


def coco_file(
    content: Mapping[str, Any], path: Path | str, skeleton: Skeleton, by_name: bool = True
) -> CocoFile:
    """The people of a file's content, which is changed in place.

    Args:
        by_name: whether joints are put in order by the names that the category gives; without it the file has the
            skeleton's order whatever it says.

    Raises:
        UserError: several categories of which none is `person`, joints in an order that cannot be told, flags that
            are no visibility, ids that are no whole numbers of 64 bits, an image id for two pictures.
    """
    category = person_category(content, path)
    images = _images(content["images"], path)
    own = category.get("id", 1)
    people = [one for one in content.get("annotations", []) if one.get("category_id", own) == own]
    for one in people:
        one["image_id"] = whole(one["image_id"], f"{path}: image id")
    order = joint_order(category.get("keypoints"), skeleton, path) if by_name else None
    left = _number(people)
    full = [one for one in people if len(one.get("keypoints") or ()) == 3 * len(skeleton)]
    _joints(full, order, left, path)
    said = {reason: tuple(who) for reason, who in left.items()}
    return CocoFile(images, people, int(own), None if order is None else tuple(order.tolist()), said)


def person_category(content: Mapping[str, Any], path: Path | str) -> Json:
    """The category `person`, or the only one that has people; empty if the file names none.

    Raises:
        UserError: several others.
    """
    every = content.get("categories") or []
    named = [one for one in every if one.get("name") == "person"]
    if named or len(every) < 2:
        return dict((named or every or [{}])[0])
    used = {one.get("category_id") for one in content.get("annotations", []) if one.get("keypoints")}
    fitting = [one for one in every if one.get("id") in used] or every
    if len(fitting) > 1:
        names = ", ".join(str(one.get("name")) for one in fitting)
        raise UserError(
            f"{path}: has several categories and none is 'person': {names}; a YAML of its own chooses one "
            "(docs/own_data.md)"
        )
    return dict(fitting[0])


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


def is_number(value: Any) -> bool:
    """Whether a value of a JSON file is a number that is finite."""
    return isinstance(value, int | float) and abs(value) < 1e300


def joint_count(said: Any, most: int) -> int | None:
    """How many joints an annotation says it labels; None where that is no such number."""
    return int(said) if is_number(said) and 0 <= said <= most else None


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


def _images(listed: list[Json], path: Path | str) -> list[Json]:
    images: dict[int, Json] = {}
    for image in listed:
        image["id"] = whole(image["id"], f"{path}: image id")
        first = images.setdefault(image["id"], image)
        if first.get("file_name") != image.get("file_name"):
            raise UserError(
                f"{path}: image id {image['id']} is used twice: {first.get('file_name')}, {image.get('file_name')}"
            )
    return list(images.values())


def _number(people: list[Json]) -> dict[str, list[str]]:
    """Gives everybody a whole number of their own as `id`; the file's own ones stay if all are that."""
    given = [one.get("id") for one in people]
    if all(type(value) is int and abs(value) < 2**63 for value in given) and len(set(given)) == len(given):
        return {}
    uses = Counter(str(value) for value in given)
    try:
        numbers = [whole(value, "") for value in given]
    except UserError:
        numbers = []
    if numbers and len(set(numbers)) == len(people):
        for one, number in zip(people, numbers, strict=True):
            one["id"] = number
        return {}
    odd = [str(v) for v in given if not isinstance(v, int) or abs(v) >= 2**63 or uses[str(v)] > 1]
    for number, one in enumerate(people, 1):
        one["id"] = number
    return {RENUMBERED: odd} if odd else {}


def _joints(
    people: list[Json], order: NDArray[np.int64] | None, left: dict[str, list[str]], path: Path | str
) -> None:
    """Puts the joints in order and mends what is no visibility or no position."""
    if not people:
        return
    given = np.array([one["keypoints"] for one in people])
    texts = given.dtype.kind not in "fiu"  # numbers written as texts, or null: scoring wants numbers
    values = given.astype(np.float64).reshape(len(people), -1, 3)
    flags = values[..., 2]
    odd = ~np.isin(flags, (0, 1, 2)) & (flags > 0)
    if odd.any():
        row = int(np.argmax(odd.any(axis=1)))
        raise UserError(
            f"{path}: annotation {people[row]['id']} has visibility {flags[row][odd[row]][0]:g}, which is not 0, 1 or "
            "2; confidences must become flags first (a YAML of its own does that with source.confidence, "
            "docs/own_data.md)"
        )
    negative = (flags < 0) | np.isnan(flags)
    nowhere = (flags > 0) & ~(np.abs(values[..., :2]) < FARTHEST).all(axis=2)
    for reason, which in ((NEGATIVE, negative), (NOWHERE, nowhere)):
        if which.any():
            left[reason] = [str(people[row]["id"]) for row in np.flatnonzero(which.any(axis=1))]
    lost = negative | nowhere
    values[lost] = 0
    changed = np.ones(len(people), dtype=bool) if texts or order is not None else lost.any(axis=1)
    for row in np.flatnonzero(changed).tolist():
        joints = values[row] if order is None else values[row][order]
        people[row]["keypoints"] = joints.ravel().tolist()
        if lost[row].any() and "num_keypoints" in people[row]:
            people[row]["num_keypoints"] = int((joints[:, 2] > 0).sum())
