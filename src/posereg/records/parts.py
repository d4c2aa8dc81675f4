"""Columns that grow part by part and lie in a zip archive, on disk or in memory: read when they are asked for.

A column of numbers is some .npy files, `area/0000.npy` and so on, each of the smallest kind that holds its numbers; one
of anything else is .json files.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from weakref import finalize

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

SIZE = 1 << 17  # bytes of a part, about
IN_MEMORY = 1 << 20  # bytes of an archive that is written to no disk
Part = NDArray[Any] | list[Any]


class Parts:
    """Columns by name. Each time that one is named it is read anew.

    Args:
        archive: one to read; by default a new one, which goes with the object.
    """

    def __init__(self, archive: zipfile.ZipFile | None = None) -> None:
        self.file: IO[bytes] | None = None
        if archive is None:
            self.file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (goes with this object)
            archive = zipfile.ZipFile(self.file, "w")
            finalize(self, _close, archive, self.file)
        self.archive = archive
        self.members: dict[str, list[str]] = {}
        for member in archive.namelist():
            self.members.setdefault(member.partition("/")[0], []).append(member)
        self.heads: dict[str, list[tuple[tuple[int, ...], np.dtype[Any]]]] = {}
        self.waiting: dict[str, list[Part]] = {}
        self.bytes: dict[str, int] = {}

    def add(self, name: str, part: Part) -> None:
        """More of a column."""
        self.waiting.setdefault(name, []).append(part)
        size = part.nbytes if isinstance(part, np.ndarray) else 64 * len(part)
        self.bytes[name] = self.bytes.get(name, 0) + size
        if self.bytes[name] >= SIZE:
            self._write(name)

    def finish(self) -> None:
        """What waits is written. Then nothing is added any more."""
        for name in list(self.waiting):
            self._write(name)
        self.archive.close()
        if self.file is not None:
            self.archive = zipfile.ZipFile(self.file)

    def save(self, path: Path) -> None:
        """The archive of a finished new object, as a file.

        Raises:
            OSError: it cannot be written.
        """
        if self.file is None:
            raise ValueError("it is a file already")
        self.file.seek(0)
        with open(path, "wb") as to:
            shutil.copyfileobj(self.file, to)

    def __getitem__(self, name: str) -> Any:
        """The column as a whole: an array, or a list where any of it is no numbers.

        Raises:
            KeyError: no such column.
        """
        members = self.members[name]
        if any(member.endswith(".json") for member in members):
            return [value for member in members for value in self._read(member)]
        heads = self._heads(name)
        kind = np.result_type(*(dtype for _, dtype in heads))
        found = np.empty((self.length(name), *heads[0][0][1:]), kind)
        at = 0
        for member, (shape, _) in zip(members, heads, strict=True):
            found[at : at + shape[0]] = self._read(member)
            at += shape[0]
        return found

    def length(self, name: str) -> int:
        """Rows of a column."""
        return sum(shape[0] for shape, _ in self._heads(name))

    def some(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Some rows of a column of numbers; of its other parts nothing is in memory."""
        heads = self._heads(name)
        found = [np.zeros((0, *heads[0][0][1:]), heads[0][1])]
        at = 0
        for member, (shape, _) in zip(self.members[name], heads, strict=True):
            if at < stop and start < at + shape[0]:
                found.append(self._read(member)[max(start - at, 0) : stop - at])
            at += shape[0]
        return found[1] if len(found) == 2 else np.concatenate(found)

    def _write(self, name: str) -> None:
        parts = self.waiting.pop(name)
        self.bytes[name] = 0
        members = self.members.setdefault(name, [])
        plain = all(isinstance(part, np.ndarray) for part in parts)
        member = f"{name}/{len(members):04d}.{'npy' if plain else 'json'}"
        with self.archive.open(member, "w") as file:
            if plain:
                npy.write_array(file, np.concatenate(parts), allow_pickle=False)
            else:
                file.write(json.dumps([value for part in parts for value in _listed(part)]).encode())
        members.append(member)

    def _read(self, member: str) -> Any:
        with self.archive.open(member) as file:
            return json.load(file) if member.endswith(".json") else npy.read_array(file, allow_pickle=False)

    def _heads(self, name: str) -> list[tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape and kind of each part."""
        members = self.members[name]
        if len(self.heads.get(name, ())) != len(members):
            self.heads[name] = [self._head(member) for member in members]
        return self.heads[name]

    def _head(self, member: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        if member.endswith(".json"):
            return (len(self._read(member)),), np.dtype(object)
        with self.archive.open(member) as file:
            npy.read_magic(file)
            shape, _, kind = npy.read_array_header_1_0(file)
        return shape, kind


def _close(archive: zipfile.ZipFile, file: IO[bytes]) -> None:
    archive.close()  # writes its list if it was left unfinished
    file.close()


def _listed(part: Part) -> Sequence[Any]:
    return part if isinstance(part, list) else part.tolist()


def slabs(count: int, size: int) -> Iterator[slice]:
    """0..count some rows at a time."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
