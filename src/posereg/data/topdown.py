"""Top-down data: one person a sample, for every method that looks at crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from posereg.data.augment import Augment
from posereg.data.dataset import ImageDataset
from posereg.data.detections import file_hash
from posereg.data.loader import Loader, epoch_batches, sequential, shuffled
from posereg.data.photometric import build
from posereg.data.poses import PoseSet
from posereg.data.sample import Sample, topdown_sample
from posereg.data.source import Source
from posereg.data.subset import Missing, limit_people, present
from posereg.errors import UserError
from posereg.predictions import Predictions
from posereg.skeletons import Skeleton, skeleton


class TopDownDataset(ImageDataset):
    """Samples by (epoch, row), one person each. An undecodable image gives way to the next row's."""

    def __init__(
        self,
        poses: PoseSet,
        input_size: tuple[int, int],
        augment: Augment | None = None,
        seed: int = 0,
        extras: Sequence[str] = (),
        transforms: Any = None,
        max_bad_images: int = 0,
    ) -> None:
        super().__init__(poses, poses.person_image, seed, max_bad_images)
        lacking = [name for name in extras if name not in poses.extras]
        if lacking:
            raise UserError(
                f"{poses.name} has no column '{lacking[0]}'; it has {', '.join(sorted(poses.extras))}"
            )
        self.input_size, self.augment = input_size, augment
        self.extras, self.transforms = tuple(extras), transforms
        self.varied = augment is not None or transforms is not None

    def sample(self, row: int, rng: np.random.Generator | None) -> Sample:
        return topdown_sample(
            self.poses, row, self.input_size, self.augment, rng, self.transforms, self.extras
        )


def collate(samples: list[Sample]) -> dict[str, torch.Tensor]:
    """The batch of docs/architecture.md."""
    batch = {
        name: torch.from_numpy(np.array([s[name] for s in samples])) for name in samples[0] if name != "image"
    }
    return {"image": torch.from_numpy(np.stack([s["image"] for s in samples])), **batch}


class TopDownData(pl.LightningDataModule):
    """Train, validation and test loaders of one source.

    Args:
        source: the data set (`data/source.py`).
        input_size: (W, H).
        batch_size: people a batch and device.
        workers: worker processes of each loader.
        augment: an `Augment`, its settings as a mapping, or None.
        transforms: albumentations transforms for training, `photometric.build`.
        extras: columns of the PoseSet to put in every batch.
        limit_train, limit_val: at most this many people, on whole images drawn by the seed.
        max_bad_images: undecodable training images that are put up with.
        missing_images: `error`, or `drop` the people whose image is not on disk.
    """

    def __init__(
        self,
        source: Source,
        input_size: Sequence[int] = (256, 256),
        batch_size: int = 32,
        workers: int = 0,
        augment: Augment | Mapping[str, Any] | None = None,
        transforms: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        extras: Sequence[str] = (),
        train_split: str | None = None,
        val_split: str | None = None,
        test_split: str | None = None,
        limit_train: int | None = None,
        limit_val: int | None = None,
        val_batch_size: int | None = None,
        max_bad_images: int = 20,
        missing_images: Missing = "error",
        min_joints: int = 1,
    ) -> None:
        super().__init__()
        self.source = source
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.batch_size, self.val_batch_size = batch_size, val_batch_size or batch_size
        self.workers, self.seed, self.extras = workers, seed, tuple(extras)
        self.augment = augment if isinstance(augment, Augment | None) else Augment(**augment)
        self.transforms = build(transforms)
        self.train_split = train_split or source.train_split
        self.val_split = val_split or source.val_split
        self.test_split = test_split or self.val_split
        self.limits = {self.train_split: limit_train}
        if self.val_split not in self.limits:
            self.limits[self.val_split] = limit_val
        self.max_bad_images, self.missing_images, self.min_joints = max_bad_images, missing_images, min_joints
        self.skeleton: Skeleton = skeleton(source.skeleton)
        self._poses: dict[str, PoseSet] = {}
        self._train: TopDownDataset | None = None

    def poses(self, split: str) -> PoseSet:
        """The people of a split that are trained on or predicted, read once."""
        if split not in self._poses:
            self._poses[split] = self._select(self.source.read(split), split)
        return self._poses[split]

    @property
    def protocol(self) -> dict[str, Any]:
        """Where the boxes that are predicted from come from."""
        file = self.source.box_file(self.val_split)
        if file is None:
            return {"box_source": "annotated"}
        named = {"box_source": file.name, "box_file_hash": file_hash(file)}
        return {**named, "min_box_score": self.source.min_box_score}

    def postprocess(self, predictions: Predictions) -> Predictions:
        """What the data set makes of raw predictions of its validation boxes (COCO: scores and suppression)."""
        if self.source.postprocess is None:
            return predictions
        return self.source.postprocess(self.poses(self.val_split), predictions)

    def train_dataloader(self) -> Loader:
        poses = self.poses(self.train_split)
        labelled = (poses.visibility > 0).sum(axis=1) >= self.min_joints
        if not labelled.all():
            poses = poses.people(labelled)
        if len(poses) < self.batch_size:
            raise UserError(
                f"{poses.name} {poses.split}: {len(poses)} people do not fill one batch of {self.batch_size} "
                "(data.batch_size)"
            )
        dataset = TopDownDataset(
            poses, self.input_size, self.augment, self.seed, self.extras, self.transforms, self.max_bad_images
        )
        self._train = dataset
        return Loader(
            dataset,
            shuffled(len(dataset), self.seed),
            self.batch_size,
            self.workers,
            drop_last=True,
            collate=collate,
            check=dataset.check,
            epoch_batches=epoch_batches(self.trainer, len(dataset) // self.batch_size),
        )

    def val_dataloader(self) -> Loader:
        return self.plain_loader(self.val_split)

    def test_dataloader(self) -> Loader:
        return self.plain_loader(self.test_split)

    def predict_dataloader(self) -> Loader:
        return self.plain_loader(self.test_split)

    def plain_loader(self, split: str) -> Loader:
        """Every person of a split once, in order, without augmentation; a bad image is an error."""
        dataset = TopDownDataset(self.poses(split), self.input_size, seed=self.seed, extras=self.extras)
        order = sequential(len(dataset))
        return Loader(dataset, order, self.val_batch_size, self.workers, collate=collate, check=dataset.check)

    def bad_images(self) -> str | None:
        """One line on undecodable training images met so far, None if there was none."""
        return self._train.report() if self._train is not None else None

    def teardown(self, stage: str) -> None:
        report = self.bad_images() if stage == "fit" else None
        if report:
            from pytorch_lightning.utilities import rank_zero_warn

            rank_zero_warn(report)

    def _select(self, poses: PoseSet, split: str) -> PoseSet:
        extent = poses.boxes[:, 2:] - poses.boxes[:, :2]
        keep = np.asarray((extent > 0).all(axis=1), dtype=bool)  # NaN is not above 0 either
        if not keep.all():
            poses = poses.people(keep)
        poses = present(poses, self.missing_images, needed=poses.person_image)
        limit = self.limits.get(split)
        return poses if limit is None else limit_people(poses, limit, self.seed)
