"""Top-down data: one person a sample, for every method that looks at crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch

from posereg.data.augment import Augment, stream
from posereg.data.detections import file_hash
from posereg.data.jpeg import BadImageError
from posereg.data.loader import Key, Loader, sequential, shuffled
from posereg.data.paths import missing_images
from posereg.data.photometric import build
from posereg.data.poses import PoseSet
from posereg.data.sample import Sample, topdown_sample
from posereg.data.source import Source
from posereg.data.subset import keep_images, limit_people
from posereg.errors import UserError
from posereg.predictions import Predictions
from posereg.skeletons import Skeleton, skeleton

Missing = Literal["error", "drop"]


class TopDownDataset:
    """Samples by (epoch, row). An undecodable image gives way to the next row's, and is counted.

    `bad` (M,) marks the images that could not be decoded; it lies in shared memory, so that the main process
    sees what the workers met.
    """

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
        lacking = [name for name in extras if name not in poses.extras]
        if lacking:
            raise UserError(
                f"{poses.name} has no column '{lacking[0]}'; it has {', '.join(sorted(poses.extras))}"
            )
        self.poses, self.input_size, self.augment, self.seed = poses, input_size, augment, seed
        self.extras, self.transforms, self.max_bad_images = tuple(extras), transforms, max_bad_images
        self.bad: torch.Tensor = torch.zeros(len(poses.images), dtype=torch.uint8)
        self.bad.share_memory_()  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self.poses)

    def __getitem__(self, key: Key | int) -> Sample:
        epoch, row = key if isinstance(key, tuple) else (0, key)
        varied = self.augment is not None or self.transforms is not None
        rng = stream(self.seed, epoch, row) if varied else None
        for step in range(len(self)):
            actual = (row + step) % len(self)
            try:
                return topdown_sample(
                    self.poses, actual, self.input_size, self.augment, rng, self.transforms, self.extras
                )
            except BadImageError:
                self.bad[int(self.poses.person_image[actual])] = 1
        raise UserError(
            f"{self.poses.root}: not one image of {self.poses.name} {self.poses.split} can be decoded"
        )

    def check(self) -> None:
        """
        Raises:
            UserError: more undecodable images met than allowed.
        """
        count = int(self.bad.sum())
        if count <= self.max_bad_images:
            return
        first = self.poses.root / self.poses.images[int(self.bad.nonzero()[0, 0])]
        reason = _reason(first)
        limit = f"{count} undecodable images, more than max_bad_images={self.max_bad_images}; "
        raise UserError(f"{limit}first: {reason}" if self.max_bad_images else reason)

    def report(self) -> str | None:
        """One line on the images that could not be decoded, None if there was none."""
        rows = self.bad.nonzero()[:, 0].tolist()
        if not rows:
            return None
        names = ", ".join(self.poses.images[row] for row in rows[:3]) + (", ..." if len(rows) > 3 else "")
        return f"{self.poses.name} {self.poses.split}: {len(rows)} undecodable images replaced by others: {names}"


def collate(samples: list[Sample]) -> dict[str, torch.Tensor]:
    """The batch of docs/architecture.md."""
    first = samples[0]
    batch: dict[str, torch.Tensor] = {}
    for name, value in first.items():
        column = np.stack([sample[name] for sample in samples]) if isinstance(value, np.ndarray) else None
        if column is None:
            column = np.array([sample[name] for sample in samples])
        batch[name] = torch.from_numpy(column)
    return batch


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

            self._poses[split] = self._select(self.source.read(split), split)
        return self._poses[split]

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
            epoch_batches=self._epoch_batches(len(dataset)),
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

    def _epoch_batches(self, people: int) -> int | None:
        """How many batches the trainer takes of an epoch, where it was told to take fewer."""
        limit = getattr(self.trainer, "limit_train_batches", None)
        if limit is None or (isinstance(limit, float) and limit == 1.0):
            return None
        return limit if isinstance(limit, int) else int(limit * (people // self.batch_size))

    def _select(self, poses: PoseSet, split: str) -> PoseSet:
        keep = np.isfinite(poses.boxes).all(axis=1) & (poses.boxes[:, 2:] > poses.boxes[:, :2]).all(axis=1)
        missing = missing_images(poses.root, poses.images)
        if missing and self.missing_images == "error":
            used = sorted(set(missing) & set(poses.person_image.tolist()))
            if used:
                first = poses.root / poses.images[used[0]]
                raise UserError(
                    f"{first}: annotated but not there ({len(used)} of {len(poses.images)} images of {poses.name} "
                    f"{split} are missing); complete {poses.root} or set data.missing_images=drop"
                )
        rows = np.flatnonzero(keep)
        if len(rows) < len(poses):
            poses = poses.people(rows)
        there = np.ones(len(poses.images), dtype=bool)
        there[missing] = False
        poses = keep_images(poses, there)
        if not len(poses):
            raise UserError(f"{poses.root}: no person of {poses.name} {split} has an image there")
        limit = self.limits.get(split)
        return poses if limit is None else limit_people(poses, limit, self.seed)


def _reason(path: Path) -> str:
    from posereg.data import jpeg

    try:
        jpeg.read(path)
    except BadImageError as error:
        return str(error)
    return f"{path}: could not be decoded"
