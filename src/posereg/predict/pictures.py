"""Pictures to predict on: found by a word of the user's, read as people see them, a few ahead of the network."""

from __future__ import annotations

import glob as globbing
import io
import re
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from posereg.data.samples import frames, jpeg
from posereg.data.samples.jpeg import BadImageError
from posereg.errors import UserError
from posereg.files import read_text
from posereg.predict.predictor import IMAGES

LISTS = {".txt", ".lst"}
STREAM = re.compile(r"(https?|rtsp|rtmp|rtp|udp|tcp)://")
# EXIF's orientation (tag 274): transposed first, then mirrored along the vertical and the horizontal axis.
_ORIENTATION = 274
_TURNS = {2: (0, 0, 1), 3: (0, 1, 1), 4: (0, 1, 0), 5: (1, 0, 0), 6: (1, 0, 1), 7: (1, 1, 1), 8: (1, 1, 0)}
T = TypeVar("T")
R = TypeVar("R")
Kind = Literal["pictures", "video", "webcam", "stream"]


class Picture(NamedTuple):
    """An image file, and what it is called in results: its path below the folder that was named."""

    path: Path
    name: str


def kind_of(source: str) -> Kind:
    """What a source is: a number is a webcam, an address a stream, a file by its ending a video; else pictures."""
    if STREAM.match(source):
        return "stream"
    if source.isdecimal() and not Path(source).exists():
        return "webcam"
    return "video" if Path(source).suffix.lower() in frames.VIDEOS else "pictures"


def find(source: str) -> list[Picture]:
    """The images of a file, a folder and those below it, a glob, or a list file (.txt: one path a line, from the
    list's folder), sorted by name except for lists. A frame of a video is `walk.mp4#12`.

    Raises:
        UserError: nothing there, or a line of a list that is no image file.
    """
    path = Path(source).expanduser()
    if path.is_file() and path.suffix.lower() in LISTS:
        return _listed(path)
    if _is_there(path):
        found = [Picture(path, path.name)] if _is_image(path) else []
    elif path.is_dir():
        below = (file for file in path.rglob("*") if _is_image(file) and file.is_file())
        found = [Picture(file, file.relative_to(path).as_posix()) for file in below]
    else:
        matches = [Path(name) for name in globbing.glob(str(path), recursive=True)]
        base = _base(str(path))
        found = [
            Picture(file, file.relative_to(base).as_posix())
            for file in matches
            if _is_image(file) and file.is_file()
        ]
    if not found:
        endings = ", ".join(sorted(IMAGES))
        raise UserError(
            f"source: no image at {source} (an image, a folder, a glob or a .txt list of images: {endings}; a video; a "
            "webcam's number; a stream's address)"
        )
    return sorted(found, key=lambda picture: picture.name)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGES or frames.named(path) is not None


def _is_there(path: Path) -> bool:
    return Path(frames.file_of(path)).is_file()


def _base(pattern: str) -> Path:
    """The folder before the first part of a glob that has a wildcard."""
    parts = Path(pattern).parts
    plain = next((k for k, part in enumerate(parts) if globbing.has_magic(part)), len(parts) - 1)
    return Path(*parts[:plain])


def _listed(path: Path) -> list[Picture]:
    found = []
    for number, line in enumerate(read_text(path, "a list of images").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        file = path.parent / line.strip()
        if not _is_image(file) or not _is_there(file):
            raise UserError(f"{path}, line {number}: {line.strip()[:120]} is no image file")
        name = Path(line.strip())
        inside = not name.is_absolute() and ".." not in name.parts
        found.append(Picture(file, name.as_posix() if inside else name.name))
    names = [picture.name for picture in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"{path}: two images are called {twice[0]}; results could not be told apart")
    if not found:
        raise UserError(f"{path}: an empty list")
    return found


def read(path: Path | str, levels: jpeg.Levels = None) -> NDArray[np.uint8]:
    """RGBX pixels (H, W, 4), turned as the camera says (EXIF), as people see the picture.

    Args:
        levels: as of `PoseSet`.

    Raises:
        BadImageError: missing, truncated or undecodable.
    """
    if frames.named(path) is not None:
        return jpeg.read(path).pixels
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadImageError(f"{path}: cannot read the image ({error.strerror or error})") from error
    return turned(jpeg.decode(data, path, levels=levels).pixels, orientation(data))


def orientation(data: bytes) -> int:
    """EXIF's orientation of an image file, 1 where it says none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with PIL.Image.open(io.BytesIO(data)) as image:
                return int(image.getexif().get(_ORIENTATION, 1))
        except Exception:  # damaged metadata of a picture that decodes
            return 1


def turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Pixels (H, W, C) as they are to be seen."""
    if orientation not in _TURNS:
        return pixels
    transpose, vertical, horizontal = _TURNS[orientation]
    if transpose:
        pixels = pixels.transpose(1, 0, 2)
    return np.ascontiguousarray(pixels[:: -1 if vertical else 1, :: -1 if horizontal else 1])


def ahead(function: Callable[[T], R], items: Iterable[T], count: int = 4, threads: int = 2) -> Iterator[R]:
    """`function` of every item, in order, computed in threads at most `count` items ahead.

    Raises:
        Exception: what the function raises, at its item's turn.
    """
    rest = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[R]] = deque(pool.submit(function, item) for item in islice(rest, count))
        try:
            while waiting:
                done = waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in islice(rest, 1))
                yield done
        finally:
            for future in waiting:
                future.cancel()
