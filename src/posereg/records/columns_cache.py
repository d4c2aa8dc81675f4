"""Annotation files that were read before: their columns, kept beside the hash of the file.

What is kept says nothing about pictures, splits or settings, so a file's entry serves every reader of it; a file of
other content has another entry. The folder may be deleted at any time.
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from posereg.errors import UserError
from posereg.files import sha256_of, whole_file
from posereg.records import coco_columns
from posereg.records.coco_columns import Columns
from posereg.records.parts import Parts
from posereg.settings.places import cache_folder

SWITCH = "POSEREG_ANNOTATION_CACHE"  # "off": read every file anew
VERSION = 2  # of the columns; another one is another entry
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
    if not worth(path):
        return coco_columns.read(path, outlines)
    digest = sha256_of(path, "a COCO annotation file")
    entry = cache_folder() / "annotations" / f"{digest[:32]}-{VERSION}{'-outlines' * outlines}.zip"
    if entry.exists():
        try:
            return _kept(entry)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            say(f"{entry}: damaged, so {path} is read anew ({error})")
    found = coco_columns.read(path, outlines)
    try:
        with whole_file(entry, durable=False) as temporary:
            found.parts.save(temporary)
    except UserError as error:
        say(f"{path}: will be parsed again next time ({error}); {SWITCH}=off does without")
    return found


def worth(path: Path | str) -> bool:
    """Whether what is read from an annotation file is to be kept: the user lets it, and the file is large."""
    off = _raw.get() or os.environ.get(SWITCH, "").lower() in ("off", "0", "false", "no")
    return not off and Path(path).is_file() and Path(path).stat().st_size >= LEAST


def say(line: str) -> None:
    """A line for the user, beside what a command prints."""
    print(line, file=sys.stderr)


def _kept(entry: Path) -> Columns:
    """
    Raises:
        OSError, BadZipFile, ValueError, KeyError: damaged, or not what was kept.
    """
    archive = zipfile.ZipFile(entry)
    if damaged := archive.testzip():
        raise ValueError(damaged)
    columns = Columns(Parts(archive))
    people = {
        "ids",
        "images",
        "category_ids",
        "crowd",
        "predicted",
        "num_keypoints",
        "bbox",
        "area",
        "lengths",
        "stored",
    }
    images = {"image_ids", "file_names", "image_size", "crowding"}
    for group in (people, images):
        if len({columns.parts.length(name) for name in group}) > 1:
            raise ValueError("columns of unequal length")
    return columns
