"""A frame of a video as a picture: `clips/walk.mp4#12` is its frame 12, the first one being 0.

Videos stay open from one frame to the next, a few in each thread of each process.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

VIDEOS = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".ts", ".gif"}
OPEN = 4  # videos kept open

_NAME = re.compile(rf"(.+(?:{'|'.join(map(re.escape, sorted(VIDEOS)))}))#(\d+)", re.IGNORECASE | re.DOTALL)
_local = threading.local()


class Frame(NamedTuple):
    """A frame by the path of its video and its number from 0."""

    video: str
    number: int


def named(path: Path | str) -> Frame | None:
    """The frame that a path names; None for the path of a picture."""
    text = str(path)
    found = _NAME.fullmatch(text) if "#" in text else None
    return Frame(found[1], int(found[2])) if found else None


def file_of(path: Path | str) -> str:
    """The file that must be there for a picture to be read: itself, or the video of a frame."""
    frame = named(path)
    return str(path) if frame is None else frame.video


def read(frame: Frame) -> NDArray[np.uint8] | None:
    """RGBX pixels (H, W, 4), turned as the video says; None where there is no such frame."""
    capture = _capture(frame.video)
    if capture is None:
        return None
    if int(capture.get(cv2.CAP_PROP_POS_FRAMES)) != frame.number:
        capture.set(cv2.CAP_PROP_POS_FRAMES, frame.number)
        if (
            int(capture.get(cv2.CAP_PROP_POS_FRAMES)) != frame.number
        ):  # beyond the last: the decoder stops there
            return None
    there, pixels = capture.read()
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGBA), np.uint8) if there else None


def size(frame: Frame) -> tuple[int, int] | None:
    """Width and height of a video's frames as its header says; None where it cannot be opened."""
    capture = _capture(frame.video)
    if capture is None:
        return None
    width, height = (int(capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    return (width, height) if width > 0 and height > 0 else None


def _capture(video: str) -> Any:
    # A child process shares the place in the file with its parent, so it opens the file for itself. It must not close
    # the parent's either, whose threads it waits for in vain: they stay in `inherited`.
    if getattr(_local, "process", None) != os.getpid():
        _local.inherited = getattr(_local, "open", None)
        _local.process, _local.open = os.getpid(), OrderedDict()
    kept: OrderedDict[str, Any] = _local.open
    if video in kept:
        kept.move_to_end(video)
        return kept[video]
    if not os.path.isfile(video):
        return None
    capture = cv2.VideoCapture(video)
    if not capture.isOpened():
        return None
    kept[video] = capture
    if len(kept) > OPEN:
        kept.popitem(last=False)[1].release()
    return capture
