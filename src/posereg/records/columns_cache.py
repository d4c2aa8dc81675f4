"""Annotation files that were read before: their columns, kept beside the hash of the file.

What is kept says nothing about pictures, splits or settings, so a file's entry serves every reader of it; a file of
other content has another entry. The folder may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.files import sha256_of, whole_file
from posereg.records import coco_columns
from posereg.records.arrays import read_npz
from posereg.records.coco_columns import Columns
from posereg.settings.places import cache_folder

SWITCH = "POSEREG_ANNOTATION_CACHE"  # "off": read every file anew
VERSION = 1  # of the columns; another one is another entry
LEAST = 4 << 20  # bytes of a file that is worth it: smaller ones are parsed within a blink
_raw: ContextVar[bool] = ContextVar("raw", default=False)


@contextmanager
def files_themselves() -> Iterator[None]:
    """Within the block files are read, not what was kept of them."""
    token = _raw.set(True)
    try:
        yield
    finally:
        _raw.reset(token)


def read(path: Path | str, outlines: bool = False) -> Columns:
    """As `coco_columns.read`; faster the second time.

    Raises:
        UserError: as there.
    """
    off = _raw.get() or os.environ.get(SWITCH, "").lower() in ("off", "0", "false", "no")
    if off or not Path(path).is_file() or Path(path).stat().st_size < LEAST:
        return coco_columns.read(path, outlines)
    digest = sha256_of(path, "a COCO annotation file")
    entry = cache_folder() / "annotations" / f"{digest[:32]}-{VERSION}{'-outlines' * outlines}.npz"
    if entry.exists():
        try:
            return _unpacked(read_npz(entry, "columns of an annotation file"))
        except (UserError, ValueError, TypeError, KeyError) as error:
            _say(f"{entry}: damaged, so {path} is read anew ({error})")
    found = coco_columns.read(path, outlines)
    try:
        with whole_file(entry, durable=False) as temporary:
            np.savez(temporary, allow_pickle=False, **_packed(found))
    except UserError as error:
        _say(f"{path}: will be parsed again next time ({error}); {SWITCH}=off does without")
    return found


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _packed(columns: Columns) -> dict[str, NDArray[Any]]:
    """Arrays as they are, anything else as JSON."""
    found = {name: value for name, value in vars(columns).items() if name != "outlines"}
    arrays = {
        name: value if isinstance(value, np.ndarray) else np.frombuffer(json.dumps(value).encode(), np.uint8)
        for name, value in found.items()
    }
    ends = np.cumsum([len(text) for text in columns.outlines.values()], dtype=np.int64)
    return {
        **arrays,
        "outline_rows": np.array(list(columns.outlines), np.int64),
        "outline_ends": ends,
        "outlines": np.frombuffer(b"".join(columns.outlines.values()), np.uint8),
    }


def _unpacked(arrays: dict[str, NDArray[Any]]) -> Columns:
    text = arrays.pop("outlines").tobytes()
    rows, ends = arrays.pop("outline_rows").tolist(), arrays.pop("outline_ends").tolist()
    outlines = {row: text[start:end] for row, start, end in zip(rows, [0, *ends], ends, strict=False)}
    values: dict[str, Any] = {
        name: json.loads(array.tobytes()) if array.dtype == np.uint8 else array
        for name, array in arrays.items()
    }
    columns = Columns(**values, outlines=outlines)
    images, people = len(columns.file_names), len(columns.crowd)
    lengths = {"image_ids": images, "image_size": images, "crowding": images, "starts": people + 1}
    single = {"categories", "file_names", "values", "outlines"}
    for name in {field.name for field in fields(Columns)} - single:
        if len(getattr(columns, name)) != lengths.get(name, people):
            raise ValueError(f"{name} has another length")
    return columns
