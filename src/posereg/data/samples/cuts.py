"""Training people cut out of their pictures once: an optional cache (`loader.cache`) of what their crops can see.

A picture of a megapixel takes longer to decode than a person of it to crop. The cut is the part of the picture that any
augmentation of the recipe can look at, and has no more pixels than the network: a person's box is at most as wide as
the input. People who are smaller stay as they are. JPEG of quality 90; joints are not touched.
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from posereg.data.samples import frames, jpeg
from posereg.data.samples.augment import NO_CHANGE, Augment
from posereg.data.samples.crop import Matrix, bottom, crop, sample_matrix, warp
from posereg.data.samples.jpeg import BadImageError
from posereg.errors import UserError
from posereg.files import whole_file
from posereg.geometry.pixels import cell_offset
from posereg.records.poses import PoseSet
from posereg.terminal.progress import tracked

QUALITY = 90
MARGIN = 2  # pixels of the picture about what is seen, for the interpolation
HEAD = struct.Struct("<8s2i2dI")  # of a file: MAGIC, the entry's x, y and step, a checksum of its data
MAGIC = b"posecut1"


class Entry(NamedTuple):
    """A cut: where in the picture its first pixel begins, how many pixels of the picture each of its own is wide and
    high, and its JPEG file; no bytes where box and picture do not meet."""

    x: int
    y: int
    step: tuple[float, float]
    data: bytes


class Reach(NamedTuple):
    """How far from the box's middle the crops of a recipe look, across and down, in widths of the box once it has the
    input's aspect."""

    x: float
    y: float


def reach(augment: Augment | None, input_size: tuple[int, int]) -> Reach:
    """The reach of every change that the recipe can draw: the largest rotation, scale and shift at once."""
    aspect = input_size[1] / input_size[0]
    if augment is None:
        return Reach(0.5, aspect / 2)
    clipped = augment.rotation_clip if augment.rotation_law == "normal" else 1.0
    turn = math.radians(min(90.0, augment.rotation * clipped)) if augment.rotation_chance else 0.0
    scale = 1 + augment.scale * (augment.scale_clip if augment.scale_law == "normal" else 1.0)
    # Half of cos + aspect sin, and of sin + aspect cos: they grow up to the angles of the diagonals.
    across, down = min(turn, math.atan(aspect)), min(turn, math.atan(1 / aspect))
    x = (math.cos(across) + aspect * math.sin(across)) / 2
    y = (math.sin(down) + aspect * math.cos(down)) / 2
    return Reach(scale * (x + augment.translation), scale * (y + augment.translation))


class Cuts:
    """The cuts of one set of people in a folder of their own, which runs, processes and machines may share.

    An entry is a file that is whole or not there; one that is missing or damaged is made anew from the picture.

    Args:
        folder: of all caches; this one's is below it, by the data set's place, annotations and settings.
    """

    def __init__(
        self, folder: Path | str, poses: PoseSet, input_size: tuple[int, int], augment: Augment | None
    ) -> None:
        self.poses, self.input_size, self.reach = poses, input_size, reach(augment, input_size)
        reached = [round(side, 6) for side in self.reach]
        root = os.path.realpath(poses.root)
        settings = repr((MAGIC, QUALITY, root, poses.annotation_hash, poses.levels, input_size, reached))
        name = f"{poses.name}-{hashlib.sha256(settings.encode()).hexdigest()[:16]}"
        self.folder = Path(folder).expanduser() / name
        self._folder = str(self.folder)

    def crop(self, row: int, matrix: Matrix) -> NDArray[np.uint8]:
        """As `crop.crop` of the person's picture: uint8 RGB (H, W, 3), black outside the picture.

        Raises:
            BadImageError: there is no entry and the picture cannot be decoded.
        """
        path = self.entry(row)
        found = _read(path) or self.make(row)
        if not found.data:
            return crop(self._picture(row), matrix, self.input_size, self.poses.levels)
        (a, b, c), (d, e, f) = matrix.tolist()
        p, q = found.step
        x, y = found.x + cell_offset(p), found.y + cell_offset(q)  # the picture's place of the cut's (0, 0)
        within = np.array([[a * p, b * q, a * x + b * y + c], [d * p, e * q, d * x + e * y + f]])
        pixels, _ = jpeg.decode(found.data, path, bottom(within, self.input_size))
        return warp(pixels, within, 1, self.input_size)

    def entry(self, row: int) -> str:
        """The file of a person's cut, named by picture and box."""
        seen = self.poses.images[self.poses.person_image[row]].encode() + self.poses.boxes[row].tobytes()
        name = hashlib.blake2b(seen, digest_size=12).hexdigest()
        return os.path.join(self._folder, name[:2], name)

    def make(self, row: int) -> Entry:
        """Write the entry of one person.

        Raises:
            BadImageError: the picture cannot be decoded.
            UserError: the folder cannot be written.
        """
        made = cut(self._picture(row), self.poses.boxes[row], self.input_size, self.reach, self.poses.levels)
        with whole_file(self.entry(row), durable=False) as temporary:
            head = HEAD.pack(MAGIC, made.x, made.y, *made.step, zlib.adler32(made.data))
            temporary.write_bytes(head + made.data)
        return made

    def build(self, threads: int = 1) -> None:
        """Make all entries that are not there yet, or older than their pictures, with a progress bar. Processes that
        build at the same time begin at different people and leave out what the others have made. Pictures that cannot
        be decoded are left to training, which counts them.

        Raises:
            UserError: the folder cannot be written.
        """
        made_at = {
            entry.name: _changed(entry.path)
            for part in (os.scandir(self.folder) if self.folder.is_dir() else ())
            for entry in os.scandir(part)
        }
        changed_at = [_changed(os.path.join(self.poses.root, image)) for image in self.poses.images]
        missing = [
            row
            for row, image in enumerate(self.poses.person_image.tolist())
            if made_at.get(os.path.basename(self.entry(row)), -1) < changed_at[image]
        ]
        if not missing:
            return
        start = os.getpid() * 7919 % len(missing)

        def made(row: int) -> None:
            with suppress(BadImageError):
                if _changed(self.entry(row)) < changed_at[self.poses.person_image[row]]:
                    self.make(row)

        title = f"{self.poses.name} {self.poses.split}: cutting {len(missing):,} people out"
        with ThreadPoolExecutor(max(1, threads)) as pool:
            try:
                for _ in tracked(pool.map(made, missing[start:] + missing[:start]), len(missing), title):
                    pass
            except UserError:
                pool.shutdown(cancel_futures=True)
                raise

    def _picture(self, row: int) -> str:
        return os.path.join(self.poses.root, self.poses.images[self.poses.person_image[row]])


def cut(
    path: str,
    box: NDArray[np.floating],
    input_size: tuple[int, int],
    seen: Reach,
    levels: jpeg.Levels = None,
) -> Entry:
    """What crops of a person can see of the picture.

    Raises:
        BadImageError: the picture cannot be decoded.
    """
    wide = input_size[0] / float(sample_matrix(box, input_size, NO_CHANGE)[0, 0])  # with the input's aspect
    middle = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    low = [middle[k] - seen[k] * wide - MARGIN for k in (0, 1)]
    high = [middle[k] + seen[k] * wide + MARGIN for k in (0, 1)]
    shrink = max(1.0, wide / input_size[0])
    pixels, factor = jpeg.read(path, high[1], shrink, levels)
    left, top = (max(0, math.floor((edge + 0.5) / factor)) for edge in low)
    ends = zip(high, pixels.shape[1::-1], strict=True)
    right, under = (min(size, math.ceil((edge + 0.5) / factor)) for edge, size in ends)
    if right <= left or under <= top:
        return Entry(0, 0, (1.0, 1.0), b"")
    part = pixels[top:under, left:right]
    height, width = part.shape[:2]
    if shrink > factor:
        size = [max(1, round(side * factor / shrink)) for side in (width, height)]
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(part), QUALITY, "RGBX", "420", fastdct=False)
    step = (width * factor / part.shape[1], height * factor / part.shape[0])
    return Entry(left * factor, top * factor, step, data)


def _changed(path: str) -> int:
    """When a file (of a video's frame: the video) was written, ns; 0 where there is none."""
    try:
        return os.stat(frames.file_of(path)).st_mtime_ns
    except OSError:
        return 0


def _read(path: str) -> Entry | None:
    """None where there is no such file, or a damaged one."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return None
    if len(content) < HEAD.size:
        return None
    magic, x, y, across, down, checksum = HEAD.unpack_from(content)
    data = content[HEAD.size :]
    return Entry(x, y, (across, down), data) if magic == MAGIC and zlib.adler32(data) == checksum else None
