"""What top-down and bottom-up data sets share: keys, random streams, and images that cannot be decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from posereg.data.samples import jpeg
from posereg.data.samples.augment import stream
from posereg.data.samples.jpeg import BadImageError
from posereg.errors import UserError
from posereg.records.poses import PoseSet

Sample = dict[str, Any]
Key = tuple[int, int]  # epoch, row


class ImageDataset:
    """Samples by (epoch, row). The next row replaces a sample whose image cannot be decoded; such images are counted.

    `bad` (M,) marks the images that could not be decoded; it lies in shared memory, so that the main process
    sees what the workers met.

    Args:
        images: (rows,) the image each row is on.
        max_bad_images: how many undecodable images are tolerated.
    """

    varied = False  # whether samples are random at all

    def __init__(self, poses: PoseSet, images: NDArray[np.int64], seed: int, max_bad_images: int) -> None:
        self.poses, self.seed, self.max_bad_images = poses, seed, max_bad_images
        self._images = images
        self._rng: np.random.Generator | None = None
        self.bad: torch.Tensor = torch.zeros(len(poses.images), dtype=torch.uint8)
        self.bad.share_memory_()  # type: ignore[no-untyped-call]

    def sample(self, row: int, rng: np.random.Generator | None) -> Sample:
        """
        Raises:
            BadImageError: the row's image cannot be decoded.
        """
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, key: Key | int) -> Sample:
        epoch, row = key if isinstance(key, tuple) else (0, key)
        rng = self._rng = stream(self.seed, epoch, row, self._rng) if self.varied else None
        for step in range(len(self)):
            actual = (row + step) % len(self)
            try:
                return self.sample(actual, rng)
            except BadImageError:
                self.bad[int(self._images[actual])] = 1
        raise UserError(
            f"{self.poses.root}: not one image of {self.poses.name} {self.poses.split} can be decoded"
        )

    def check(self) -> None:
        """
        Raises:
            UserError: more undecodable images met than allowed.
        """
        count = self.undecodable()
        if count <= self.max_bad_images:
            return
        reason = _reason(self.poses.root / self.poses.images[int(self.bad.nonzero()[0, 0])])
        limit = f"{count} undecodable images, more than max_bad_images={self.max_bad_images}; "
        raise UserError(f"{limit}first: {reason}" if self.max_bad_images else reason)

    def undecodable(self) -> int:
        """How many images could not be decoded so far."""
        return int(self.bad.sum())

    def report(self) -> str | None:
        """One line about the images that could not be decoded; None if there were none."""
        rows = self.bad.nonzero()[:, 0].tolist()
        if not rows:
            return None
        names = ", ".join(self.poses.images[row] for row in rows[:3]) + (", ..." if len(rows) > 3 else "")
        return f"{self.poses.name} {self.poses.split}: {len(rows)} undecodable images replaced by others: {names}"


def _reason(path: Path) -> str:
    try:
        jpeg.read(path)
    except BadImageError as error:
        return str(error)
    return f"{path}: could not be decoded"
