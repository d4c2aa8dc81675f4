"""Where the pictures lie that an annotation file of any origin names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.samples import frames, jpeg
from posereg.errors import UserError

SAMPLED = 200  # pictures whose size is looked at whatever the file says


def other_sizes(root: Path, files: Sequence[str], declared: NDArray[np.int64]) -> list[str]:
    """The pictures that are of another size than declared (width, height; 0 where it is not), EXIF's turning aside.

    A few pictures' headers are read; all of them where one of those few differs. Pictures that are not there are taken
    to be as declared.
    """

    def differs(row: int) -> bool:
        size = jpeg.header_size(root / files[row]) if declared[row].all() else None
        return size is not None and size != tuple(declared[row])

    return [files[row] for row in _seldom(len(files), differs)]


def turned_pictures(root: Path, files: Sequence[str], declared: NDArray[np.int64]) -> list[str]:
    """The pictures that EXIF turns or mirrors where their size does not tell whether the annotations are of the picture
    as stored or as seen; as `other_sizes` looks for them."""

    def unclear(row: int) -> bool:
        said = jpeg.orientation(root / files[row])
        width, height = declared[row]
        return said > 1 and (said < 5 or width == height)  # 0 and 0 where it is not declared

    return [files[row] for row in _seldom(len(files), unclear)]


def deep_pictures(root: Path, files: Sequence[str]) -> list[str]:
    """The pictures of more than 8 bits a channel; a few are looked at, all of them where one of those few is."""
    return [files[row] for row in _seldom(len(files), lambda row: jpeg.is_deep(root / files[row]))]


def _seldom(count: int, holds: Callable[[int], bool]) -> list[int]:
    """The rows for which it holds, if it does for one of a few."""
    few = range(0, count, max(1, count // SAMPLED))
    return [row for row in range(count) if holds(row)] if any(map(holds, few)) else []


def one_a_picture(declared: Sequence[str], files: Sequence[str], path: Path) -> None:
    """
    Raises:
        UserError: two names of the annotation file `path` lead to one picture, so that one's people would be looked
            for on the other.
    """
    names: dict[str, str] = {}
    for name, file in zip(declared, files, strict=True):
        if (first := names.setdefault(file, name)) != name:
            raise UserError(
                f"{path}: the images '{first}' and '{name}' both lead to {file}; is a folder missing?"
            )


class ImageFiles:
    """Paths below `root` of pictures as declared: with or without the folder of images in the name, absolute, with
    backslashes, or in another case; frames of videos (`a.mp4#12`) by their video. What cannot be found is named as
    declared, for `data check` to report.

    Args:
        folder: the folder of images below `root`; `root` itself and `images/` if it is not given.
    """

    def __init__(self, root: Path, folder: Any = None) -> None:
        self.root = root
        self.folders = [str(folder).rstrip("/")] if folder else ["", "images"]
        self._listed: dict[str, dict[str, str]] = {}

    def looked_into(self) -> list[Path]:
        """The folders in which pictures were looked for so far, also those that are not there."""
        return [self.root / folder for folder in self._listed]

    def __call__(self, declared: str) -> str:
        """The path below `root` of a picture, found or as declared."""
        named = self.find(declared) or "/".join([*filter(None, self.folders[:1]), *_parts(declared)])
        return declared if named == declared else named  # the same text once in memory

    def find(self, declared: str) -> str | None:
        """The path below `root` of a picture; None where it cannot be found."""
        if (frame := frames.named(declared)) is not None:
            video = self.find(frame.video)
            return video and f"{video}#{frame.number}"
        if (exact := "/".join(part for part in (self.folders[0], declared) if part)) and self._is_there(
            exact
        ):
            return exact
        parts = _parts(declared)
        for start in range(len(parts)):
            for folder in self.folders:
                name = "/".join([folder, *parts[start:]] if folder else parts[start:])
                if (found := self._nearly(name)) is not None:
                    return found
        return None

    def _is_there(self, name: str) -> bool:
        if name.startswith("/") or ".." in name or "\\" in name:
            return False
        folder, _, file = name.rpartition("/")
        return self._entries(folder).get(file) == file

    def _nearly(self, name: str) -> str | None:
        """The name as it is on disk, upper and lower case aside."""
        folder, _, file = name.rpartition("/")
        entries = self._entries(folder)
        own = entries.get(file) or entries.get(file.lower())
        if own is None or not (self.root / folder / own).is_file():
            return None
        return f"{folder}/{own}" if folder else own

    def _entries(self, folder: str) -> dict[str, str]:
        """Names in a folder by themselves and in lower case."""
        if folder not in self._listed:
            place = self.root / folder
            names = [entry.name for entry in place.iterdir()] if place.is_dir() else []
            self._listed[folder] = {name.lower(): name for name in names} | {name: name for name in names}
        return self._listed[folder]


def _parts(declared: str) -> list[str]:
    """Folders and name of a path of any system, without what leads out of a folder. (pathlib would keep each name in
    memory for good.)"""
    parts = re.split(r"[\\/]+", re.sub(r"^[A-Za-z]:", "", declared))
    return [part for part in parts if part not in ("", "..", ".") and not part.endswith(":")]
