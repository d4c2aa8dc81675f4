"""What was predicted so far, one JSON line a picture or frame, so that a prediction that was cut off goes on.

The first line says what was predicted with; every further one is an entry:

    {"model": "body16-r18", "sha256": ..., "skeleton": "mpii", "joints": [...], "source": ..., ...}
    {"image": "street/a.jpg", "width": 640, "height": 480, "people": [{"bbox": [x, y, width, height], "score": 0.8,
     "keypoints": {"left_wrist": [x, y, score], ...}}]}
    {"frame": 0, "time": 0.0, "width": ..., "height": ..., "people": [...]}

Coordinates are pixels with two digits, pixel centres are whole numbers; boxes are edges, from 0 to the width.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.files import reading

FILE = "predictions.jsonl"
Entry = dict[str, Any]


class Journal:
    """The entries of one prediction on disk.

    Attributes:
        path: the file. header: its first line.
        done: the keys (image name or frame number) of the entries that are there.
    """

    def __init__(self, path: Path, header: Entry, overwrite: bool = False) -> None:
        self.path, self.header = path, header
        self.done: set[str | int] = set()
        if overwrite:
            path.unlink(missing_ok=True)
        if path.exists():
            self._go_on()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "a", encoding="utf-8", newline="\n")  # noqa: SIM115
        if not path.stat().st_size:
            self._write(header)

    def _go_on(self) -> None:
        """
        Raises:
            UserError: the file is of another model, source or setting.
        """
        with reading(self.path, "posereg's predictions"):
            content = self.path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):  # the last line was cut off
                with open(self.path, "rb+") as file:
                    file.truncate(whole)
            lines = content[:whole].splitlines()
            if not lines:
                return
            before = json.loads(lines[0])
            changed = sorted(k for k in {*before, *self.header} if before.get(k) != self.header.get(k))
            if changed:
                raise UserError(
                    f"{self.path.parent} holds another prediction ({changed[0]} was {before.get(changed[0])!r:.80}); "
                    "name another folder with out=DIR, or overwrite=true to throw it away"
                )
            self.done = {key_of(json.loads(line)) for line in lines[1:]}

    def add(self, entry: Entry) -> None:
        """Write an entry; it is on disk when this returns."""
        self._write(entry)
        self.done.add(key_of(entry))

    def _write(self, value: Entry) -> None:
        try:
            self._file.write(json.dumps(value, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise UserError(
                f"cannot write {self.path}: {error.strerror or error}; what is there stays"
            ) from error

    def entries(self) -> Iterator[Entry]:
        """All entries, in the order in which they were added, read one by one."""
        with open(self.path, encoding="utf-8") as file:
            next(file)
            for line in file:
                yield json.loads(line)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def key_of(entry: Entry) -> str | int:
    """What tells entries apart: the image's name, or the frame's number."""
    key: str | int = entry["image"] if "image" in entry else entry["frame"]
    return key


def people_of(
    keypoints: NDArray[Any], scores: NDArray[Any], boxes: NDArray[Any] | None, joints: Sequence[str]
) -> list[Entry]:
    """The people of an entry.

    Args:
        keypoints: (N, K, 2). scores: (N, K). boxes: (N, 4) x y width height, None where nobody gave any.
    """
    people = []
    for row in range(len(scores)):
        points = {
            name: [round(float(x), 2), round(float(y), 2), round(float(score), 4)]
            for name, (x, y), score in zip(joints, keypoints[row], scores[row], strict=True)
        }
        box = None if boxes is None else [round(float(value), 2) for value in boxes[row]]
        people.append({"bbox": box, "score": round(float(scores[row].mean()), 4), "keypoints": points})
    return people
