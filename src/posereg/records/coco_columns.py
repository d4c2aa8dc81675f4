"""COCO-style files as columns: what a file says of its images and annotations, nothing judged yet.

Read piece by piece, so that a file's outlines, most of its size, are never in memory. What is no number where numbers
belong is NaN; ids may be anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.files import read_json
from posereg.records.json_lists import NotPlainError, pieces

Json = dict[str, Any]
Ids = NDArray[np.int64] | list[Any]  # whole numbers of 64 bits; as a list, anything
FARTHEST = 1e6  # pixels; no picture is that large
LISTS = ("images", "annotations", "categories")


@dataclass
class Columns:
    """M images and N annotations of a file, in its order.

    Attributes:
        image_size: (M, 2) width and height as declared. crowding: (M,) CrowdPose's crowdIndex.
        images: (N,) the id of the image that each annotation is on.
        bbox: (N, 4) x y width height; NaN where they are not four numbers of pixels.
        lengths: (N,) how many numbers `keypoints` has. starts: (N + 1,) where they stand in `values`, which has none
            of those that are all zero.
        outlines: segmentations as JSON, by row, of crowd regions and people without a usable joint; if asked for.
    """

    categories: list[Json]
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
    lengths: NDArray[np.int64]
    starts: NDArray[np.int64]
    values: NDArray[Any]
    outlines: dict[int, bytes]

    def joints(self, rows: NDArray[np.int64], count: int) -> NDArray[Any]:
        """(R, count, 3) x, y, flag of annotations; 0 for those that give another number of joints."""
        given = self.starts[rows + 1] - self.starts[rows]
        full = np.flatnonzero((given == 3 * count) & (self.lengths[rows] == 3 * count))
        found = np.zeros((len(rows), 3 * count), self.values.dtype)
        if len(full) * 3 * count == len(self.values):
            found[full] = self.values.reshape(-1, 3 * count)
        else:
            found[full] = self.values[self.starts[rows[full], None] + np.arange(3 * count)]
        return found.reshape(len(rows), count, 3)


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


class _Column:
    """A column that grows; numbers lie as bytes of the smallest kind that holds them all, anything else as a list."""

    def __init__(self) -> None:
        self.data: bytearray | list[Any] = bytearray()
        self.dtype: np.dtype[Any] | None = None

    def add(self, part: NDArray[Any] | list[Any]) -> None:
        if isinstance(part, list) and isinstance(self.data, bytearray):
            self.data = self.taken().tolist() if self.data else []
        if isinstance(self.data, list):
            self.data += part if isinstance(part, list) else part.tolist()
            return
        array = np.asarray(part)
        dtype = array.dtype if self.dtype is None else np.result_type(self.dtype, array.dtype)
        if self.dtype not in (None, dtype):
            self.data = bytearray(self.taken().astype(dtype).tobytes())
        self.dtype = dtype
        self.data += array.astype(dtype, copy=False).tobytes()

    def taken(self) -> Any:
        if isinstance(self.data, list):
            return self.data
        return np.frombuffer(self.data, self.dtype) if self.data else np.zeros(0, self.dtype or np.int64)


def read(path: Path | str, outlines: bool = False) -> Columns:
    """
    Raises:
        UserError: missing file, no JSON, or not COCO's lists.
    """
    try:
        return _streamed(path, outlines)
    except (NotPlainError, OSError):
        columns = of(read_json(path), path)
        return columns if outlines else replace(columns, outlines={})


def of(content: Any, path: Path | str) -> Columns:
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
    columns = {name: _Column() for name in Columns.__annotations__}
    _add_images(columns, [_image(one) for one in found["images"]])
    _add_people(columns, [_outlined(one) for one in found["annotations"]])
    return _finished(columns, found["categories"])


def _streamed(path: Path | str, outlines: bool) -> Columns:
    columns = {name: _Column() for name in Columns.__annotations__}
    categories: list[Json] = []
    images = msgspec.json.Decoder(list[_Image])
    people: Any = msgspec.json.Decoder(list[_Outlined] if outlines else list[_Person])
    seen = set()
    for key, text in pieces(path, LISTS):
        seen.add(key)
        if key == "images":
            _add_images(columns, _decoded(text, images, _image))
        elif key == "annotations":
            _add_people(columns, _decoded(text, people, _outlined if outlines else _person))
        else:
            categories += _dicts(text)
    if "images" not in seen:
        raise NotPlainError("no 'images'")
    return _finished(columns, categories)


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


def _add_images(columns: dict[str, _Column], images: Sequence[_Image]) -> None:
    columns["image_ids"].add(_ids([one.id for one in images]))
    columns["file_names"].add([one.file_name for one in images])
    columns["image_size"].add(np.array([(one.width, one.height) for one in images], np.float64))
    columns["crowding"].add(np.array([one.crowdIndex for one in images], np.float64))


def _add_people(columns: dict[str, _Column], people: Sequence[_Person]) -> None:
    given = [one.keypoints or () for one in people]
    stored = [values if any(values) else () for values in given]
    boxes = np.array([_box(one.bbox) for one in people], np.float64).reshape(-1, 4)
    boxes[~(np.abs(boxes) < FARTHEST).all(axis=1)] = math.nan
    area = np.array([one.area for one in people], np.float64)
    row = len(columns["crowd"].taken())
    outlines = [
        (row + k, bytes(one.segmentation))
        for k, one in enumerate(people)
        if isinstance(one, _Outlined) and (one.iscrowd or not _usable(stored[k]))
    ]
    parts: dict[str, NDArray[Any] | list[Any]] = {
        "ids": _ids([one.id for one in people]),
        "images": _ids([one.image_id for one in people]),
        "category_ids": _ids([one.category_id for one in people]),
        "crowd": np.array([bool(one.iscrowd) for one in people], bool),
        "predicted": np.array([one.predicted for one in people], bool),
        "num_keypoints": np.array([one.num_keypoints for one in people], np.float64),
        "bbox": boxes,
        "area": np.where((area >= 0) & (area < math.inf), area, math.nan),
        "lengths": np.array([len(values) for values in given], np.int64),
        "starts": np.array([len(values) for values in stored], np.int64),
        "values": _compact(np.fromiter(chain.from_iterable(stored), np.float64)),
        "outlines": outlines,
    }
    for name, part in parts.items():
        columns[name].add(part)


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


def _finished(columns: dict[str, _Column], categories: list[Json]) -> Columns:
    found = {name: column.taken() for name, column in columns.items()}
    shapes = {"image_size": (-1, 2), "bbox": (-1, 4)}
    found |= {name: found[name].reshape(shape) for name, shape in shapes.items()}
    found["starts"] = np.concatenate([[0], np.cumsum(found["starts"])]).astype(np.int64)
    return Columns(**{**found, "categories": categories, "outlines": dict(found["outlines"])})
