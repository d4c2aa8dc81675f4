"""Top-down data: one person per sample, for every method that reads crops of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from posereg.data.formats.detections import file_hash
from posereg.data.modules.base import ImageData, collate
from posereg.data.modules.loader import Loader, sequential, shuffled
from posereg.data.samples.augment import Augment
from posereg.data.samples.cuts import Cuts
from posereg.data.samples.people import TopDownDataset
from posereg.data.samples.photometric import build
from posereg.data.sources.source import Source
from posereg.data.sources.subset import limit_people
from posereg.errors import UserError
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.settings.ranges import Count, File, Size, Whole

NO_BOX = "people whose box is empty or undefined"


class TopDownData(ImageData):
    """Loaders with one person per sample.

    Args:
        source: the data set (`data/sources/source.py`).
        augment: an `Augment`, its settings as a mapping, or None.
        transforms: albumentations transforms for training, `photometric.build`.
        extras: columns of the PoseSet to put in every batch.
        val_batch_size: people per batch in validation and test; `batch_size` if None.
        min_joints: people with fewer labelled joints are not trained on.
        cache: a folder for the training people, cut out of their pictures once (`data/samples/cuts.py`); None: none.
        data: everything ImageData takes; its limits are numbers of people, on whole images.
    """

    gives = "people"

    def __init__(
        self,
        source: Source,
        input_size: Size = (256, 256),
        batch_size: Count = 32,
        augment: Augment | Mapping[str, Any] | None = None,
        transforms: Sequence[Mapping[str, Any]] = (),
        extras: Sequence[str] = (),
        val_batch_size: Count | None = None,
        min_joints: Whole = 1,
        cache: File | None = None,
        **data: Any,
    ) -> None:
        super().__init__(source, input_size, batch_size, **data)
        self.augment = augment if isinstance(augment, Augment | None) else Augment(**augment)
        self.transforms = build(transforms)
        self.extras, self.min_joints, self.cache = tuple(extras), min_joints, cache
        self.val_batch_size = val_batch_size or self.batch_size

    @property
    def measured_on(self) -> dict[str, Any]:
        """Also where the boxes that are predicted from come from."""
        file = self.source.box_file(self.val_split)
        if file is None:
            return {**super().measured_on, "box_source": "annotated"}
        named = {"box_source": file.name, "box_file_hash": file_hash(file)}
        return {**super().measured_on, **named, "min_box_score": self.source.min_box_score}

    def postprocessed(self, predictions: Predictions) -> Predictions:
        """What the data set makes of raw predictions of its validation boxes (COCO: scores and suppression)."""
        return self.source.postprocessed(self.poses(self.val_split), predictions)

    def train_dataloader(self) -> Loader:
        """Shuffled, augmented people with at least `min_joints` labelled joints.

        Raises:
            UserError: they do not fill one batch.
        """
        poses = self.poses(self.train_split)
        labelled = (poses.visibility > 0).sum(axis=1) >= self.min_joints
        if not labelled.all():
            poses = poses.people(labelled)
        if len(poses) < self.batch_size:
            raise UserError(
                f"{poses.name} {poses.split}: {len(poses)} people do not fill one batch of {self.batch_size} "
                "(batch_size)"
            )
        augment = self.augment and self.fitting(self.augment)
        dataset = self.training_people(poses, augment, self.seed)
        return self.training_loader(dataset, shuffled(len(dataset), self.seed), len(dataset))

    def training_people(self, poses: PoseSet, augment: Augment | None, seed: int) -> TopDownDataset:
        """The samples of a training set, from the cache if there is to be one, which is filled first.

        Raises:
            UserError: the cache's folder cannot be written.
        """
        cuts = None if self.cache is None else Cuts(self.cache, poses, self.input_size, augment)
        if cuts is not None:
            cuts.build(threads=max(1, self.workers))
        return TopDownDataset(
            poses, self.input_size, augment, seed, self.extras, self.transforms, self.max_bad_images, cuts
        )

    def plain_loader(self, split: str) -> Loader:
        """Every person of a split once, in order, without augmentation; a bad image is an error."""
        dataset = TopDownDataset(self.poses(split), self.input_size, seed=self.seed, extras=self.extras)
        order = sequential(len(dataset))
        return Loader(dataset, order, self.val_batch_size, self.workers, collate=collate, check=dataset.check)

    def selected(self, split: str, limit: int | None, seed: int) -> PoseSet:
        """The people of a split with a box that has an area and an image that is there, at most `limit` of them.

        Raises:
            UserError: from the reader, or an image is not there (`missing_images`).
        """
        poses = self.source.read(split)
        extent = poses.boxes[:, 2:] - poses.boxes[:, :2]
        keep = np.asarray((extent > 0).all(axis=1), dtype=bool)  # NaN is not above 0 either
        if not keep.all():
            lost = tuple(str(one) for one in poses.ids[~keep].tolist())
            poses = replace(poses.people(keep), left_out={**poses.left_out, NO_BOX: lost})
        poses = self.there(poses, split, needed=poses.person_image)
        return poses if limit is None else limit_people(poses, limit, seed)
