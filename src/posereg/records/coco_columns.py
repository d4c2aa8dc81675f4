"""COCO-style files as columns: what a file says of its images and annotations, nothing judged yet.

Read piece by piece, and put aside as columns (`parts`), so that neither a file's outlines, most of its size, nor its
columns are in memory together. What is no number where numbers belong is NaN; ids may be anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.files import read_json
from posereg.records.json_lists import NotPlainError, pieces
from posereg.records.parts import Part, Parts, slabs

Json = dict[str, Any]
Ids = NDArray[np.int64] | list[Any]  # whole numbers of 64 bits; as a list, anything
FARTHEST = 1e6  # pixels; no picture is that large
LISTS = ("images", "annotations", "categories")
SLAB = 1024  # annotations whose joints are in memory together


class Columns:
    """M images and N annotations of a file, in its order.

    Each column is read from where it lies whenever it is named: name it once, and what is done with leaves memory.

    Attributes:
        image_size: (M, 2) width and height as declared. crowding: (M,) CrowdPose's crowdIndex.
        images: (N,) the id of the image that each annotation is on.
        bbox: (N, 4) x y width height; NaN where they are not four numbers of pixels.
        lengths: (N,) how many numbers `keypoints` has. stored: (N,) how many of them stand in `values`, which has none
            of those that are all zero.
        outline_rows: (L,) the rows whose segmentation was asked for and is kept: crowd regions and people without a
            usable joint.
    """

    image_ids: Ids
    file_names: list[Any]
    image_size: NDArray[np.float64]
    crowding: NDArray[np.float64]
    ids: Ids
    images: Ids
    category_ids: Ids
    crowd: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    num_keypoints: NDArray[np.float64]
    bbox: NDArray[np.float64]
    area: NDArray[np.float64]
    lengths: NDArray[np.int32]
    stored: NDArray[np.int32]
    values: NDArray[Any]
    outline_rows: NDArray[np.int64]

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.categories: list[Json] = parts["categories"]

    def __getattr__(self, name: str) -> Any:
        if name in Columns.__annotations__:
            return self.parts[name]
        raise AttributeError(name)

    def some(self, name: str, rows: NDArray[np.int64]) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Places among annotations (R,) in ascending order, some after the others, and what a column has of each."""
        for some in slabs(len(rows), SLAB):
            which = rows[some]
            found = self.parts.some(name, int(which[0]), int(which[-1]) + 1)
            yield some, found[which - which[0]]

    def joints(self, rows: NDArray[np.int64], count: int) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Places among annotations (R,) in ascending order, some after the others, and of each (r, count, 3) x, y,
        flag; 0 for those that give another number of joints."""
        full = (self.lengths == 3 * count) & (self.stored == 3 * count)
        ends = np.cumsum(self.stored, dtype=np.int64)
        for some in slabs(len(rows), SLAB):
            which = rows[some]
            given = full[which]
            found = np.zeros((len(which), 3 * count), np.int16)
            if given.any():
                starts = ends[which[given]] - 3 * count
                values = self.parts.some("values", int(starts[0]), int(starts[-1]) + 3 * count)
                found = found.astype(np.result_type(found, values), copy=False)
                found[given] = values[(starts - starts[0])[:, None] + np.arange(3 * count)]
            yield some, found.reshape(len(which), count, 3)

    def outlines(self) -> Iterator[tuple[int, bytes]]:
        """Rows of `outline_rows` and their segmentations as JSON, one after the other."""
        rows, ends = self.outline_rows, np.concatenate([[0], np.cumsum(self.parts["outline_sizes"])])
        for some in slabs(len(rows), 1024):
            first = int(ends[some.start])
            text = self.parts.some("outline_text", first, int(ends[some.stop])).tobytes()
            for k in range(some.start, some.stop):
                yield int(rows[k]), text[ends[k] - first : ends[k + 1] - first]


class _Image(msgspec.Struct, gc=False):
    id: Any
    file_name: str
    width: float | None = None
    height: float | None = None
    crowdIndex: float | None = None  # noqa: N815 (as the file spells it)


class _Person(msgspec.Struct, gc=False):
    id: int | str
    image_id: int | str
    category_id: int | str | None = None
    keypoints: list[float] | None = None
    bbox: list[float] | None = None
    area: float | None = None
    iscrowd: int = 0
    num_keypoints: float | None = None
    predicted: bool = False


class _Outlined(_Person, gc=False):
    segmentation: msgspec.Raw = msgspec.Raw(b"null")


def read(path: Path | str, outlines: bool = False) -> Columns:
    """
    Args:
        outlines: whether to keep segmentations of those whose joints do not show where they are.

    Raises:
        UserError: missing file, no JSON, or not COCO's lists.
    """
    try:
        return _streamed(path, outlines)
    except (NotPlainError, OSError):
        return of(read_json(path), path, outlines)


def of(content: Any, path: Path | str, outlines: bool = True) -> Columns:
    """A file's content as columns.

    Raises:
        UserError: not COCO's lists.
    """
    lists: Json = content if isinstance(content, dict) else {}
    found: dict[str, list[Json]] = {}
    for key in LISTS:
        listed = [] if key != "images" and lists.get(key) is None else lists.get(key)
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise UserError(f"{path}: not a COCO annotation file ('{key}' must be a list of objects)")
        found[key] = listed
    parts = Parts()
    make = _outlined if outlines else _person
    _add_images(parts, [_image(one) for one in found["images"]])
    _add_people(parts, 0, [make(one) for one in found["annotations"]])
    return _finished(parts, found["categories"])


def _streamed(path: Path | str, outlines: bool) -> Columns:
    parts, categories, count = Parts(), list[Json](), 0
    images = msgspec.json.Decoder(list[_Image])
    people: Any = msgspec.json.Decoder(list[_Outlined] if outlines else list[_Person])
    seen = set()
    _add_people(parts, 0, [])  # there may be nobody
    for key, text in pieces(path, LISTS):
        seen.add(key)
        if key == "images":
            _add_images(parts, _decoded(text, images, _image))
        elif key == "annotations":
            some = _decoded(text, people, _outlined if outlines else _person)
            _add_people(parts, count, some)
            count += len(some)
        else:
            categories += _dicts(text)
    if "images" not in seen:
        raise NotPlainError("no 'images'")
    return _finished(parts, categories)


def _decoded(text: bytes, decoder: Any, make: Any) -> list[Any]:
    """Objects as the format has them; where one of them is odd, all with care."""
    try:
        found: list[Any] = decoder.decode(text)
        return found
    except msgspec.DecodeError:
        return [make(one) for one in _dicts(text)]


def _dicts(text: bytes) -> list[Json]:
    try:
        found: list[Json] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotPlainError(str(error)) from error
    if not all(isinstance(one, dict) for one in found):
        raise NotPlainError("not all are objects")
    return found


def _image(one: Mapping[str, Any]) -> _Image:
    size = (number(one.get(key)) for key in ("width", "height", "crowdIndex"))
    return _Image(one.get("id"), one.get("file_name"), *size)  # type: ignore[arg-type]


def _person(one: Mapping[str, Any]) -> _Person:
    return _Person(
        one.get("id"),  # type: ignore[arg-type]
        one.get("image_id"),  # type: ignore[arg-type]
        one.get("category_id"),
        _numbers(one.get("keypoints")),
        _numbers(one.get("bbox")),
        number(one.get("area")),
        _holds(one.get("iscrowd")),
        number(one.get("num_keypoints")),
        _holds(one.get("predicted")),
    )


def _outlined(one: Mapping[str, Any]) -> _Outlined:
    found = _Outlined(*msgspec.structs.astuple(_person(one)))
    found.segmentation = msgspec.Raw(json.dumps(one.get("segmentation")).encode())
    return found


def number(value: Any) -> float:
    """A number, also one written as text; NaN for anything else."""
    try:
        return float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return math.nan


def _holds(value: Any) -> bool:
    """Whether a flag is set: anything but 0 and nothing, also written as text."""
    return bool(value) and number(value) != 0


def _numbers(values: Any) -> list[float] | None:
    """None where nothing is given; what is no list is one number that is none."""
    if values is None:
        return None
    return [number(value) for value in values] if isinstance(values, list) else [math.nan]


def _add_images(parts: Parts, images: Sequence[_Image]) -> None:
    parts.add("image_ids", _ids([one.id for one in images]))
    parts.add("file_names", [one.file_name for one in images])
    size = np.array([(one.width, one.height) for one in images], np.float64)
    parts.add("image_size", size.reshape(-1, 2))
    parts.add("crowding", np.array([one.crowdIndex for one in images], np.float64))


def _add_people(parts: Parts, row: int, people: Sequence[_Person]) -> None:
    """
    Args:
        row: of the first of them.
    """
    given = [one.keypoints or () for one in people]
    stored = [values if any(values) else () for values in given]
    boxes = np.array([_box(one.bbox) for one in people], np.float64).reshape(-1, 4)
    boxes[~(np.abs(boxes) < FARTHEST).all(axis=1)] = math.nan
    area = np.array([one.area for one in people], np.float64)
    outlines = {
        row + k: bytes(one.segmentation)
        for k, one in enumerate(people)
        if isinstance(one, _Outlined) and (one.iscrowd or not _usable(stored[k]))
    }
    columns: dict[str, Part] = {
        "ids": _ids([one.id for one in people]),
        "images": _ids([one.image_id for one in people]),
        "category_ids": _ids([one.category_id for one in people]),
        "crowd": np.array([bool(one.iscrowd) for one in people], bool),
        "predicted": np.array([one.predicted for one in people], bool),
        "num_keypoints": np.array([one.num_keypoints for one in people], np.float64),
        "bbox": boxes,
        "area": np.where((area >= 0) & (area < math.inf), area, math.nan),
        "lengths": np.array([len(values) for values in given], np.int32),
        "stored": np.array([len(values) for values in stored], np.int32),
        "values": _compact(np.fromiter(chain.from_iterable(stored), np.float64)),
        "outline_rows": np.array(list(outlines), np.int64),
        "outline_sizes": np.array([len(text) for text in outlines.values()], np.int64),
        "outline_text": np.frombuffer(b"".join(outlines.values()), np.uint8),
    }
    for name, part in columns.items():
        parts.add(name, part)


def _box(values: Sequence[float] | None) -> Sequence[float]:
    return values if values is not None and len(values) == 4 else (math.nan,) * 4


def _usable(keypoints: Sequence[float]) -> bool:
    """Whether a joint is labelled and at a place."""
    triples = zip(keypoints[0::3], keypoints[1::3], keypoints[2::3], strict=False)
    return any(flag > 0 and abs(x) < FARTHEST and abs(y) < FARTHEST for x, y, flag in triples)


def _ids(values: list[Any]) -> Ids:
    whole = all(type(value) is int and -(2**63) <= value < 2**63 for value in values)
    return np.array(values, np.int64) if whole else values


def _compact(values: NDArray[np.float64]) -> NDArray[Any]:
    """The same numbers in fewer bytes."""
    with np.errstate(invalid="ignore", over="ignore"):
        for kind in (np.int16, np.float32):
            if np.array_equal(short := values.astype(kind), values, equal_nan=kind is np.float32):
                return short
    return values


def _finished(parts: Parts, categories: list[Json]) -> Columns:
    parts.add("categories", categories)
    parts.finish()
    return Columns(parts)
