"""Bottom-up data: whole images with all their people (ART paper; docs/papers/art.md#training).

A batch has the image side of a top-down one (`image`, `to_image`, `color_gain`, `color_power`, `index` = row of
`PoseSet.images`) and, padded to P people in input pixels:

| key | shape, type | |
|---|---|---|
| `keypoints` | (B, P, K, 2) float32 | |
| `visibility` | (B, P, K) uint8 | 0, 1, 2 |
| `person_mask` | (B, P) bool | False: padding |
| `areas`, `diagonals` | (B, P) float32 | of the person's box |
| `oks_areas` | (B, P) float32 | the area OKS uses (COCO: the segment's) |
| `small` | (B, P) bool | too small to get a centre and offsets |
| `box_centers` | (B, P, 2) float32 | of the person's box |
| `ignore` | (B, H / 4, W / 4) uint8 | 1: crowd, unlabelled people, outside the image |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.modules.base import ImageData, collate
from posereg.data.modules.loader import Loader, sequential, shuffled
from posereg.data.samples.scenes import SceneAugment, SceneDataset, crowd
from posereg.data.sources.source import Source
from posereg.data.sources.subset import keep_images, limit_images
from posereg.errors import UserError
from posereg.geometry.pixels import Convention
from posereg.records.poses import PoseSet
from posereg.settings.ranges import Annotated, Count, Len, NotNegative, Size, Zoom

Matrix = NDArray[np.float64]


class BottomUpData(ImageData):
    """Loaders of whole images.

    Args:
        source: the data set; its reader is asked for `everyone`.
        augment: a `SceneAugment`, its settings as a mapping, or None.
        max_people, small_area, convention: as in SceneDataset.
        scales: of the test, the method's.
        data: everything ImageData takes. At test time the short side is the smaller number of `input_size`, and
            images, which differ in size, come one by one; limits are numbers of images.
    """

    gives = "scenes"

    def __init__(
        self,
        source: Source,
        input_size: Size = (512, 512),
        batch_size: Count = 12,
        augment: SceneAugment | Mapping[str, Any] | None = None,
        max_people: Count = 30,
        small_area: NotNegative = 32.0**2,
        scales: Annotated[Sequence[Zoom], Len(1)] = (1.0,),
        convention: Convention = "center",
        **data: Any,
    ) -> None:
        super().__init__(source, input_size, batch_size, **data)
        self.augment = augment if isinstance(augment, SceneAugment | None) else SceneAugment(**augment)
        self.max_people, self.small_area = max_people, small_area
        self.scales = tuple(float(scale) for scale in scales)
        self.convention: Convention = convention

    @property
    def measured_on(self) -> dict[str, Any]:
        """Also that no boxes are given."""
        return {**super().measured_on, "box_source": "none (bottom-up)"}

    @property
    def protocol(self) -> dict[str, Any]:
        """Part of result.json. Limits count images: how many people are on them differs with the seed."""
        images = len(self.poses(self.train_split).images)
        counted = {"train_people": None, "train_images": images}
        return {**super().protocol, **counted}

    def selected(self, split: str, limit: int | None, seed: int) -> PoseSet:
        """All images with all their people, crowd regions and unlabelled people included."""
        everyone = self.there(self.source.read_everyone(split), split)
        return everyone if limit is None else limit_images(everyone, limit, seed)

    def train_dataloader(self) -> Loader:
        """Shuffled, augmented scenes that show at least one labelled person.

        Raises:
            UserError: they do not fill one batch.
        """
        poses = with_people(self.poses(self.train_split))
        if len(poses.images) < self.batch_size:
            raise UserError(
                f"{poses.name} {poses.split}: {len(poses.images)} images with labelled people do not fill one batch "
                f"of {self.batch_size} (batch_size)"
            )
        augment = self.fitting(self.augment or SceneAugment(0, (1, 1), 0, 0))
        dataset = self._dataset(poses, augment, self.max_bad_images)
        return self.training_loader(dataset, shuffled(len(dataset), self.seed), len(dataset))

    def plain_loader(self, split: str) -> Loader:
        """Every image of a split once, whole, in order, one by one; a bad image is an error."""
        return self._plain(self.poses(split))

    def people_loader(self, split: str) -> Loader:
        """As `plain_loader`, without the images that show no labelled person: half of COCO's."""
        return self._plain(with_people(self.poses(split)))

    def _plain(self, poses: PoseSet) -> Loader:
        dataset = self._dataset(poses, None, 0)
        return Loader(
            dataset, sequential(len(dataset)), 1, self.workers, collate=collate, check=dataset.check
        )

    def _dataset(self, poses: PoseSet, augment: SceneAugment | None, max_bad: int) -> SceneDataset:
        return SceneDataset(
            poses,
            self.input_size,
            augment,
            self.seed,
            self.max_people,
            self.small_area,
            max_bad,
            self.scales,
            self.convention,
        )


def with_people(poses: PoseSet) -> PoseSet:
    """The images that show at least one labelled person, with everybody on them."""
    labelled = (poses.visibility > 0).any(axis=1) & ~crowd(poses)
    return keep_images(poses, np.bincount(poses.person_image[labelled], minlength=len(poses.images)) > 0)
