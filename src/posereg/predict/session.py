"""A prediction from a source to a folder: entries in the journal as they come, overlays, and the formats at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.samples.jpeg import BadImageError
from posereg.errors import UserError
from posereg.files import whole_file
from posereg.predict import overlay, pictures, video
from posereg.predict.estimator import Estimator, Looked, Poses, rgbx
from posereg.predict.journal import Entry, Journal, people_of
from posereg.predict.pictures import Picture
from posereg.predict.tracks import Tracks
from posereg.predict.video import Video
from posereg.terminal.progress import tracked

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float32]
OVERLAYS, OVERLAY_VIDEO = "overlays", "overlay.mp4"


@dataclass(frozen=True)
class Settings:
    """How a source is gone through.

    Attributes:
        boxes: (image's name, its pixels) -> people (n, 4) x y width height, or None: the whole picture is one.
        overlays: whether to draw. overlay_size: longest side of an overlay in pixels, 0 for the picture's own.
        batch_size: people at a time.
        track: number the people of a video from frame to frame. smooth: their joints too.
    """

    boxes: Callable[[str, Pixels], Boxes | None]
    overlays: bool = True
    overlay_size: int = 1280
    batch_size: int = 32
    track: bool = False
    smooth: bool = False

    def follow(self) -> Callable[[Entry], Entry]:
        """What becomes of the entries of a video, frame by frame."""
        return Tracks(self.smooth).follow if self.track or self.smooth else lambda entry: entry


@dataclass(frozen=True)
class Seen:
    """What is kept of a picture until its people are known: not its pixels, but for the overlay's."""

    key: Entry
    boxes: Boxes | None
    canvas: tuple[Pixels, float] | None

    def entry(self, poses: Poses, estimator: Estimator) -> Entry:
        """The journal's entry. Where no boxes were given a top-down model's box is the whole picture."""
        boxes: Any = self.boxes
        if boxes is None and not estimator.module.finds_people:
            boxes = np.array([[0, 0, self.key["width"], self.key["height"]]])
        return {**self.key, "people": people_of(poses.keypoints, poses.scores, boxes, estimator.joints)}


def predict_pictures(
    estimator: Estimator, found: list[Picture], journal: Journal, out: Path, settings: Settings
) -> list[str]:
    """Predict the pictures that the journal does not have yet; returns what is wrong with those that cannot be read.

    Overlays lie in out/overlays under the pictures' own names and folders.

    Raises:
        UserError: the disk is full.
    """
    bad: list[str] = []
    todo = [picture for picture in found if picture.name not in journal.done]

    def prepared(picture: Picture) -> Looked[Seen] | str:
        try:
            pixels = pictures.read(picture.path, estimator.levels)
        except BadImageError as error:
            return str(error)
        return _look(estimator, pixels, {"image": picture.name}, picture.name, settings)

    def readable() -> Iterator[Looked[Seen]]:
        for one in pictures.ahead(prepared, todo):
            if isinstance(one, str):
                bad.append(one)
                print(f"left out: {one}", file=sys.stderr)
            else:
                yield one

    for seen, poses in tracked(estimator.run(readable(), settings.batch_size), len(todo), "pictures"):
        entry = seen.entry(poses, estimator)
        if seen.canvas is not None:
            picture = overlay.drawn(*seen.canvas, entry["people"], estimator.skeleton)
            with whole_file(out / OVERLAYS / overlay.overlay_name(entry["image"]), durable=False) as path:
                path.write_bytes(overlay.jpeg_of(picture))
        journal.add(entry)
    return bad


def predict_video(
    estimator: Estimator, source: Video, journal: Journal, out: Path, settings: Settings
) -> int:
    """Predict every frame that the journal does not have yet, and write out/overlay.mp4; returns the frames seen.

    A file that was cut off goes on: the frames before are drawn from the journal, only the others are predicted. A
    live source ends with Ctrl-C. Memory does not grow with the length.

    Raises:
        UserError: no frame can be decoded, or the disk is full.
    """
    live = source.count is None
    follow = settings.follow()
    target: Any = whole_file(out / OVERLAY_VIDEO, durable=False) if settings.overlays else nullcontext()
    with target as path, video.writer(path, source.rate) if path else nullcontext() as show:
        frames = source.frames()
        for entry, (_, pixels) in zip(islice(journal.entries(), len(journal.done)), frames, strict=False):
            follow(entry)
            if show is not None:
                canvas = overlay.reduced(pixels, settings.overlay_size)
                show(overlay.drawn(*canvas, entry["people"], estimator.skeleton))
        seen_before = len(journal.done)
        try:
            _predict_frames(estimator, source, frames, journal, show, follow, settings)
        except KeyboardInterrupt:
            if not live or len(journal.done) == seen_before:
                raise
        if not journal.done:
            raise UserError(f"source: no frame of {source.name} can be decoded")
    return len(journal.done)


def _predict_frames(
    estimator: Estimator,
    source: Video,
    frames: Iterator[tuple[int, Pixels]],
    journal: Journal,
    show: Callable[[Pixels], None] | None,
    follow: Callable[[Entry], Entry],
    settings: Settings,
) -> None:
    live = source.count is None

    def prepared(frame: tuple[int, Pixels]) -> Looked[Seen]:
        number, pixels = frame
        key = {"frame": number, "time": round(number / source.rate, 3)}
        return _look(estimator, rgbx(pixels), key, str(number), settings)

    looked = map(prepared, frames) if live else pictures.ahead(prepared, frames)
    found = estimator.run(looked, 1 if live else settings.batch_size)
    remaining = (source.count or 0) - len(journal.done)
    for seen, poses in found if live else tracked(found, max(remaining, 1), "frames"):
        entry = follow(seen.entry(poses, estimator))
        if show is not None and seen.canvas is not None:
            show(overlay.drawn(*seen.canvas, entry["people"], estimator.skeleton))
        journal.add(entry)


def _look(estimator: Estimator, pixels: Pixels, key: Entry, name: str, settings: Settings) -> Looked[Seen]:
    boxes = settings.boxes(name, pixels)
    height, width = pixels.shape[:2]
    canvas = overlay.reduced(pixels, settings.overlay_size) if settings.overlays else None
    seen = Seen({**key, "width": width, "height": height}, boxes, canvas)
    looked = estimator.look(name, pixels, boxes)
    return Looked(seen, looked.samples, looked.whole)
