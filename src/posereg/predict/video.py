"""Videos, webcams and streams, frame by frame; an overlay video that plays in browsers where PyAV is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError

Pixels = NDArray[np.uint8]
RATE = 25.0  # frames a second where a source does not say


@dataclass(frozen=True)
class Video:
    """An opened source.

    Attributes:
        rate: frames a second. count: how many frames the file says it has, None of live sources.
    """

    capture: Any
    name: str
    rate: float
    count: int | None

    def frames(self) -> Iterator[tuple[int, Pixels]]:
        """Number and RGB pixels (H, W, 3) of every frame, turned as the file says; one at a time is held."""
        number = 0
        while True:
            there, pixels = self.capture.read()
            if not there:
                return
            yield number, np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
            number += 1


@contextmanager
def opened(source: str, live: bool) -> Iterator[Video]:
    """A video file, a webcam by its number, or a stream by its address.

    Raises:
        UserError: it cannot be opened, or is no video.
    """
    if not live and not Path(source).is_file():
        raise UserError(f"source: no such file: {source}")
    capture = cv2.VideoCapture(int(source) if source.isdecimal() else source)
    try:
        if not capture.isOpened():
            what = f"webcam {source}" if source.isdecimal() else source
            raise UserError(f"source: {what} cannot be opened as a video")
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        yield Video(
            capture, source, rate if 0 < rate <= 1000 else RATE, count if count > 0 and not live else None
        )
    finally:
        capture.release()


@contextmanager
def writer(path: Path, rate: float) -> Iterator[Callable[[Pixels], None]]:
    """A function that appends RGB frames (H, W, 3) to an MP4 file: H.264 by PyAV if that is installed (plays
    everywhere), else MPEG-4 by OpenCV. Sides are cut to even numbers, as the codec needs.

    Raises:
        UserError: the file cannot be written.
    """
    make = _AvWriter if importlib.util.find_spec("av") else _OpenCVWriter
    try:
        target: _AvWriter | _OpenCVWriter = make(path, rate)
        try:
            yield target.add
        finally:
            target.close()
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


def even(frame: Pixels) -> Pixels:
    """The frame without its last column or row where their number is odd."""
    height, width = frame.shape[:2]
    return np.ascontiguousarray(frame[: max(2, height - height % 2), : max(2, width - width % 2)])


class _AvWriter:
    def __init__(self, path: Path, rate: float) -> None:
        import av

        self._container: Any = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._rate = Fraction(rate).limit_denominator(1001)
        self._stream: Any = None

    def add(self, frame: Pixels) -> None:
        """Append a frame; the first one decides the size."""
        import av

        frame = even(frame)
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate)
            self._stream.height, self._stream.width = frame.shape[:2]
            self._stream.pix_fmt = "yuv420p"
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        for packet in self._stream.encode(picture):
            self._container.mux(packet)

    def close(self) -> None:
        """Write what is still held back, and the index."""
        if self._stream is not None:
            for packet in self._stream.encode():
                self._container.mux(packet)
        self._container.close()


class _OpenCVWriter:
    def __init__(self, path: Path, rate: float) -> None:
        self._path, self._rate = path, rate
        self._writer: Any = None

    def add(self, frame: Pixels) -> None:
        """Append a frame; the first one decides the size.

        Raises:
            UserError: OpenCV cannot write such a video.
        """
        frame = even(frame)
        if self._writer is None:
            size = frame.shape[1], frame.shape[0]
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._path), code, self._rate, size)
            if not self._writer.isOpened():
                raise UserError(f"{self._path}: OpenCV cannot write this video; pip install 'posereg[video]'")
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Write the index."""
        if self._writer is not None:
            self._writer.release()
