"""Decode as little of an image as a crop needs, as RGBX (four bytes a pixel: OpenCV warps them twice as fast).

Two savings for JPEG files, both exact:

- Reduced scale: libjpeg-turbo decodes at 1/2, 1/4, 1/8 inside the inverse DCT.
- Rows: a sequential JPEG is decoded from the top, and rows below the crop can be left alone. Its height
  stands in the frame header; a smaller number there makes the decoder stop early, where no Python binding
  offers a partial decode.

A file that lacks its end marker goes through the strict decoder, which refuses truncated data.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import PIL.Image
import simplejpeg
from numpy.typing import NDArray
from PIL import UnidentifiedImageError

from posereg.data.samples import frames
from posereg.errors import UserError

Pixels = NDArray[np.uint8]
Levels = (
    tuple[float, float] | None
)  # what becomes black and white of pictures of more than 8 bits; None: all of them

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SEQUENTIAL = (0xC0, 0xC1)
_NO_FRAME = (0xC4, 0xC8, 0xCC)  # Huffman tables, reserved, arithmetic conditioning
_MCU = 16  # largest block height of the common subsamplings; a multiple never splits a block


# A header may promise more pixels than there is memory: no picture of people has this many (a GiB decoded).
MOST_PIXELS = 2**28
_ORIENTATION = 0x0112  # EXIF's tag
_BITS = 258  # TIFF's tag of bits per channel


class BadImageError(UserError):
    """Missing, truncated or undecodable image file."""


class Frame(NamedTuple):
    """The start-of-frame segment of a JPEG: sizes in pixels."""

    position: int  # of the two height bytes
    height: int
    width: int
    sequential: bool


class Decoded(NamedTuple):
    """`pixels` (h, w, 4) RGBX: the top h rows of the image at 1 / `factor` of its size."""

    pixels: Pixels
    factor: int


def read(path: Path | str, bottom: float = math.inf, shrink: float = 1.0, levels: Levels = None) -> Decoded:
    """Decode an image file down to row `bottom` (source pixels), reduced by the largest of 1, 2, 4, 8 <= `shrink`.

    A source pixel x lies at (x + 0.5) / factor - 0.5 of the decoded image. Only the first rows may be there;
    formats other than JPEG and frames of videos come whole and unreduced.

    Raises:
        BadImageError: missing, truncated or undecodable.
    """
    if (frame := frames.named(path)) is not None:
        return Decoded(_frame_pixels(frame, path), 1)
    return decode(_bytes(path), path, bottom, shrink, levels)


def decode(
    data: bytes,
    name: Path | str,
    bottom: float = math.inf,
    shrink: float = 1.0,
    levels: Levels = None,
) -> Decoded:
    """As `read`, of a file's bytes; `name` is for the message."""
    if data[:2] != _START:
        return Decoded(_other(data, name, levels), 1)
    frame = _start_of_frame(data, name)
    factor = 1 if shrink < 2 else 2 if shrink < 4 else 4 if shrink < 8 else 8
    height = frame.height
    strict = True
    if frame.sequential and bottom < height - 1 and _END in data[-64:]:
        # One more row for the interpolation, rounded up to whole blocks.
        rows = max(1, math.ceil((max(bottom, 0) + 1 + factor) / _MCU)) * _MCU
        if rows < height:
            height, strict = rows, False  # the decoder warns of the rows it is not asked for
            data = data[: frame.position] + rows.to_bytes(2, "big") + data[frame.position + 2 :]
    size = {} if factor == 1 else {"min_width": frame.width // factor, "min_height": height // factor}
    try:
        pixels = simplejpeg.decode_jpeg(
            data, "RGBX", fastdct=True, fastupsample=True, strict=strict, min_factor=factor, **size
        )
    except ValueError as error:
        return _second_opinion(data, name, error)
    if pixels.shape[1] != -(-frame.width // factor):
        return Decoded(_other(data, name), 1)
    return Decoded(pixels, factor)


def image_size(path: Path | str) -> tuple[int, int]:
    """Width and height, from a JPEG's header where it is one, else by decoding.

    Raises:
        BadImageError: missing or undecodable.
    """
    if (frame := frames.named(path)) is not None:
        height, width = _frame_pixels(frame, path).shape[:2]
        return width, height
    data = _bytes(path)
    if data[:2] == _START:
        start = _start_of_frame(data, path)
        return start.width, start.height
    height, width = _other(data, path).shape[:2]
    return width, height


def header_size(path: Path | str) -> tuple[int, int] | None:
    """Width and height as the header says; None for a file that is missing or whose header cannot be read."""
    if (frame := frames.named(path)) is not None:
        return frames.size(frame)
    with suppress(Exception), _opened(path) as image:  # damaged headers make Pillow raise nearly everything
        return image.size
    return None


def is_deep(path: Path | str) -> bool:
    """Whether the header says that a channel has more than 8 bits; False for frames of videos and what cannot be
    read."""
    with suppress(Exception), _opened(path) as image:
        if image.format == "PNG":
            with open(path, "rb") as file:
                return file.read(25)[24] > 8
        bits = getattr(image, "tag_v2", {}).get(_BITS, ())
        return image.mode[0] in "IF" or max((bits,) if isinstance(bits, int) else bits, default=8) > 8
    return False


def orientation(path: Path | str) -> int:
    """How EXIF says the picture is to be looked at: 1 as it is stored, 2 to 4 mirrored or upside down, 5 to 8 turned by
    a quarter; 1 where it does not say."""
    with suppress(Exception), _opened(path) as image:
        said: Any = image.getexif().get(_ORIENTATION)
        return int(said) if said in range(1, 9) else 1
    return 1


def turns(path: Path | str) -> bool:
    """Whether EXIF says that the picture is to be turned by a quarter to be looked at."""
    return orientation(path) > 4


@contextmanager
def _opened(path: Path | str) -> Iterator[PIL.Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with PIL.Image.open(path) as image:
            yield image


def _bytes(path: Path | str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise BadImageError(f"{path}: image is not there") from error
    except OSError as error:
        raise BadImageError(f"{path}: cannot read the image ({error.strerror or error})") from error


def _frame_pixels(frame: frames.Frame, name: Path | str) -> Pixels:
    pixels = frames.read(frame)
    if pixels is None:
        raise BadImageError(f"{name}: the video has no such frame, or is not there")
    return pixels


def _start_of_frame(data: bytes, name: Path | str) -> Frame:
    """The frame header: walk the marker segments up to it."""
    position = 2
    while position + 9 < len(data):
        if data[position] != 0xFF:
            break
        marker = data[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            at = position + 5
            height, width = (data[at] << 8) | data[at + 1], (data[at + 2] << 8) | data[at + 3]
            _check_size(width, height, name)
            return Frame(at, height, width, marker in _SEQUENTIAL)
        position += 1 if marker == 0xFF else 2 + ((data[position + 2] << 8) | data[position + 3])
    raise BadImageError(f"{name}: truncated JPEG, no frame header")


def _header_size(data: bytes) -> tuple[int, int]:
    """Width and height as the header of any format says, nothing decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
        try:
            with PIL.Image.open(io.BytesIO(data)) as image:
                size: tuple[int, int] = image.size
                return size
        except PIL.Image.DecompressionBombError:  # its limit is above ours
            return MOST_PIXELS, MOST_PIXELS


def _check_size(width: int, height: int, name: Path | str) -> None:
    if width * height > MOST_PIXELS:
        raise BadImageError(f"{name}: its header says more pixels than are ever decoded ({MOST_PIXELS:,})")


def _second_opinion(data: bytes, name: Path | str, error: ValueError) -> Decoded:
    """The strict decoder also refuses stray bytes, which do no harm, and CMYK: decode those by OpenCV."""
    message = str(error).strip()
    if "extraneous bytes" in message or "colorspace" in message.lower():
        return Decoded(_other(data, name), 1)
    raise BadImageError(f"{name}: damaged JPEG ({message})") from error


def _decoded(data: bytes, flags: int) -> NDArray[Any] | None:
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None


def _other(data: bytes, name: Path | str, levels: Levels = None) -> Pixels:
    if data[:8] == b"\x89PNG\r\n\x1a\n" and b"IEND" not in data[-64:]:
        raise BadImageError(f"{name}: truncated PNG")
    with suppress(UnidentifiedImageError, OSError, ValueError, SyntaxError):
        # The header alone; pictures that only OpenCV knows it checks against a limit of its own.
        _check_size(*_header_size(data), name)
    flags = cv2.IMREAD_UNCHANGED if levels else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = _decoded(data, flags)
    except (cv2.error, MemoryError) as error:
        raise BadImageError(f"{name}: cannot be decoded ({' '.join(str(error).split())[:120]})") from error
    if image is None:
        if not levels and (deep := _decoded(data, cv2.IMREAD_UNCHANGED)) is not None:
            raise BadImageError(
                f"{name}: holds {deep.dtype} from {deep.min():g} to {deep.max():g}; source.levels of the data that a "
                "model is trained on must say which values are black and white"
            )
        raise BadImageError(f"{name}: not an image that can be decoded")
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    image = image[..., :3]
    if levels and image.dtype != np.uint8:
        low, high = levels
        scaled = (np.nan_to_num(image.astype(np.float32), nan=low) - low) * (255 / (high - low))
        image = np.rint(scaled.clip(0, 255)).astype(np.uint8)
    pixels: Pixels = cv2.cvtColor(image, cv2.COLOR_BGR2RGBA)
    return pixels
