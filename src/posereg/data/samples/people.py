"""People by (epoch, row): one crop a sample, of one set or of several behind one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from posereg.data.samples.augment import Augment
from posereg.data.samples.crop import Cutter, Sample, topdown_sample
from posereg.data.samples.dataset import ImageDataset, Key
from posereg.errors import UserError
from posereg.records.poses import PoseSet


class TopDownDataset(ImageDataset):
    """Samples by (epoch, row), one person each. The next row replaces a sample whose image cannot be decoded."""

    def __init__(
        self,
        poses: PoseSet,
        input_size: tuple[int, int],
        augment: Augment | None = None,
        seed: int = 0,
        extras: Sequence[str] = (),
        transforms: Any = None,
        max_bad_images: int = 0,
        cuts: Cutter | None = None,
    ) -> None:
        super().__init__(poses, poses.person_image, seed, max_bad_images)
        lacking = [name for name in extras if name not in poses.extras]
        if lacking:
            raise UserError(
                f"{poses.name} has no column '{lacking[0]}'; it has {', '.join(sorted(poses.extras))}"
            )
        self.input_size, self.augment, self.cuts = input_size, augment, cuts
        self.extras, self.transforms = tuple(extras), transforms
        self.varied = augment is not None or transforms is not None

    def sample(self, row: int, rng: np.random.Generator | None) -> Sample:
        """The batch's row for one person (docs/architecture.md#a-top-down-batch), varied by `rng` if there is one.

        Raises:
            BadImageError: the person's image cannot be decoded.
        """
        return topdown_sample(
            self.poses, row, self.input_size, self.augment, rng, self.transforms, self.extras, self.cuts
        )


class MixedDataset:
    """Several top-down data sets, concatenated; `index` of a sample counts through all of them."""

    def __init__(self, parts: Sequence[TopDownDataset]) -> None:
        self.parts = tuple(parts)
        self.ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, key: Key) -> Sample:
        epoch, index = key
        number = int(np.searchsorted(self.ends, index, side="right"))
        part = self.parts[number]
        return {**part[epoch, index - int(self.ends[number]) + len(part)], "index": index}

    def check(self) -> None:
        """
        Raises:
            UserError: more undecodable images in one of the sets than allowed.
        """
        for part in self.parts:
            part.check()

    def undecodable(self) -> int:
        """How many images of all sets could not be decoded so far."""
        return sum(part.undecodable() for part in self.parts)

    def report(self) -> str | None:
        """One line about the images that could not be decoded; None if there were none."""
        return "; ".join(line for part in self.parts if (line := part.report())) or None
