"""What every data module shares: one source, its splits, and loaders over a dataset of images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.utilities import rank_zero_only

from posereg.data.modules.loader import Loader, Order, taken_batches
from posereg.data.samples.augment import Augment
from posereg.data.samples.crop import Sample
from posereg.data.samples.scenes import SceneAugment
from posereg.data.sources.source import Source
from posereg.data.sources.subset import Missing, present
from posereg.errors import UserError
from posereg.records.evaluation import Evaluation
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions, faultless
from posereg.settings.cores import workers as worker_count
from posereg.settings.ranges import Annotated, Count, Interval, Seed, Size, Whole
from posereg.skeletons.skeleton import Skeleton, skeleton

Workers = Annotated[int, Interval(ge=0, le=1024)] | Literal["auto"]
Recipe = TypeVar("Recipe", Augment, SceneAugment)


class TrainingImages(Protocol):
    """A dataset that records which of its images could not be decoded."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: tuple[int, int]) -> Sample: ...

    def check(self) -> None:
        """
        Raises:
            UserError: more images could not be decoded than are allowed.
        """
        ...

    def undecodable(self) -> int:
        """How many images could not be decoded so far."""
        ...

    def report(self) -> str | None:
        """One line about the images that could not be decoded; None if there were none."""
        ...


class ImageData(pl.LightningDataModule, ABC):
    """Train, validation and test loaders of one source. This is all that training and methods ask of data.

    A subclass must define `selected`, `train_dataloader` and `plain_loader`; a class that lacks one cannot be built.
    `postprocessed` may be overridden and `protocol` extended; `poses` and `evaluate` hold for all. In a run:

        data.train_dataloader()     shuffled batches that resume where they stopped (loader.py)
        data.val_dataloader()       the validation people, each once; a method predicts them
        data.postprocessed(raw)     the data set's post-processing of those predictions, before they are saved
        data.evaluate(predictions)  the data set's own metric
        data.protocol               how the people and boxes were chosen, for result.json

    Args:
        source: the data set (`data/sources/source.py`).
        input_size: (W, H).
        batch_size: samples per batch and device in training.
        workers: worker processes of each loader; `auto`: a core each, but for one (`settings/cores.py`).
        train_split, val_split, test_split: the source's own where None; without a test split that of validation.
        limit_train, limit_val: use a part of the split; training people are drawn by the seed, validation people are
            the same for every seed.
        max_bad_images: undecodable training images tolerated; each is replaced and counted.
        missing_images: `error`, or `drop` what is on images that are not on disk.
    """

    val_batch_size = 1  # samples per batch in validation and test

    def __init__(
        self,
        source: Source,
        input_size: Size,
        batch_size: Count,
        workers: Workers = 0,
        seed: Seed = 0,
        train_split: str | None = None,
        val_split: str | None = None,
        test_split: str | None = None,
        limit_train: Count | None = None,
        limit_val: Count | None = None,
        max_bad_images: Whole = 20,
        missing_images: Missing = "error",
    ) -> None:
        super().__init__()
        self.source = source
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.batch_size, self.workers, self.seed = batch_size, worker_count(workers), seed
        self.train_split = train_split or source.train_split
        self.val_split = val_split or source.val_split
        self.test_split = test_split or source.test_split or self.val_split
        self.limits = {self.val_split: limit_val, self.train_split: limit_train}
        self.max_bad_images, self.missing_images = max_bad_images, missing_images
        self.skeleton: Skeleton = skeleton(source.skeleton)
        self._poses: dict[str, PoseSet] = {}
        self.missing: dict[str, int] = {}
        self._train: TrainingImages | None = None

    def poses(self, split: str) -> PoseSet:
        """The people of a split that are trained on or predicted, read once."""
        if split not in self._poses:
            self._poses[split] = self.selected(split, self.limits.get(split), self._limit_seed(split))
            for line in self._poses[split].remarks():
                rank_zero_only(print)(line)
            pair = {self.train_split, self.val_split}
            if split in pair <= self._poses.keys() and (both := len(self._trained_on())):
                rank_zero_only(print)(
                    f"{self.source.name}: {both} images of {self.val_split} are trained on too"
                )
        return self._poses[split]

    def _trained_on(self) -> set[Path]:
        """Images of people that are validated on."""
        return self.poses(self.train_split).shown() & self.poses(self.val_split).shown()

    def setup(self, stage: str) -> None:
        """Reads the validation people before the first step, and tries on their annotations a metric that asks more of
        them than training does (COCO's areas, one of the user's own).

        Raises:
            UserError: there are none, or the metric cannot measure them.
        """
        if stage == "fit" and not len(self.poses(self.val_split)):
            raise UserError(
                f"{self.source.name} {self.val_split}: nobody to validate on; name another split with "
                "+loader.val_split=NAME, or see what posereg data check says"
            )
        if stage == "fit" and (self.source.file is not None or "area" in self.poses(self.val_split).extras):
            self.evaluate(faultless(self.poses(self.val_split)))

    def _limit_seed(self, split: str) -> int:
        # All seeds of a row are scored on the same people, else their figures could not share a column.
        return self.seed if split == self.train_split else 0

    @abstractmethod
    def train_dataloader(self) -> Loader:
        """Shuffled, augmented batches of the training split.

        Raises:
            UserError: the split does not fill one batch.
        """

    def postprocessed(self, predictions: Predictions) -> Predictions:
        """Raw predictions of the validation people as they are saved and scored; the same ones unless overridden."""
        return predictions

    def evaluate(self, predictions: Predictions) -> Evaluation:
        """Finished predictions of the validation split scored with the data set's own metric.

        A source with a `truth` of its own (COCO: crowd regions and unlabelled people count) is scored against that.

        Raises:
            UserError: from the readers.
        """
        source = self.source
        poses = self.poses(self.val_split) if source.truth is None else source.read_truth(self.val_split)
        return source.evaluate(poses, predictions)

    def fitting(self, augment: Recipe) -> Recipe:
        """The recipe without mirror images where the skeleton says not what left and right are; that is said."""
        if augment.flip == 0 or self.skeleton.flip_pairs:
            return augment
        rank_zero_only(print)(
            f"skeleton {self.skeleton.name} has no left-right pairs: training without mirror images (augment.flip=0)"
        )
        return replace(augment, flip=0.0)

    @abstractmethod
    def selected(self, split: str, limit: int | None, seed: int) -> PoseSet:
        """The people of a split, at most `limit` samples, drawn by `seed`."""

    @abstractmethod
    def plain_loader(self, split: str) -> Loader:
        """Every sample of a split once, in order, without augmentation; a bad image is an error."""

    @property
    def measured_on(self) -> dict[str, Any]:
        """Which people are evaluated, and from what boxes: the part of `protocol` that asks for no training set."""
        validated = self.poses(self.val_split)
        return {"split": validated.split, "annotation_hash": validated.annotation_hash}

    @property
    def protocol(self) -> dict[str, Any]:
        """The data's part of a result's protocol: which people were trained on and evaluated."""
        trained = self.poses(self.train_split)
        return {
            **self.measured_on,
            "train_split": trained.split,
            "train_people": len(trained),
            "validation_images_trained_on": len(self._trained_on()),
            # Said only where it is so: a method that learns visible joints alone then learned all labelled ones.
            **({} if trained.marks_occlusion else {"occluded_joints": "not marked, taken for visible"}),
        }

    def val_dataloader(self) -> Loader:
        """The validation split, in order."""
        return self.plain_loader(self.val_split)

    def test_dataloader(self) -> Loader:
        """The test split, in order; the validation split where the source has no other."""
        return self.plain_loader(self.test_split)

    def predict_dataloader(self) -> Loader:
        """As `test_dataloader`."""
        return self.plain_loader(self.test_split)

    def training_loader(self, dataset: TrainingImages, order: Order, count: int) -> Loader:
        """Full batches of `count` samples per epoch; `bad_images` reports what could not be decoded."""
        self._train = dataset
        return Loader(
            dataset,
            order,
            self.batch_size,
            self.workers,
            drop_last=True,
            collate=collate,
            check=dataset.check,
            taken=taken_batches(self.trainer, count // self.batch_size),
        )

    def lost_images(self) -> dict[str, int]:
        """Training images that were not seen: those not on disk (`missing_images=drop`), those replaced because they
        could not be decoded. Only what is not zero."""
        undecodable = self._train.undecodable() if self._train is not None else 0
        counts = {"missing_images": self.missing.get(self.train_split, 0), "undecodable_images": undecodable}
        return {name: count for name, count in counts.items() if count}

    def there(self, poses: PoseSet, split: str, needed: NDArray[np.int64] | None = None) -> PoseSet:
        """The set with the images that are on disk, the others counted in `missing` by split.

        Args:
            needed: the images whose absence is an error unless `missing_images` is `drop`, all of them if None.

        Raises:
            UserError: a needed image is not there, or no image is.
        """
        kept = present(poses, self.missing_images, needed)
        self.missing[split] = len(poses.images) - len(kept.images)
        return kept

    def bad_images(self) -> str | None:
        """One line about the undecodable training images met so far; None if there were none."""
        return self._train.report() if self._train is not None else None

    def teardown(self, stage: str) -> None:
        """Warns at the end of training about images that could not be decoded, once on all ranks together."""
        report = self.bad_images() if stage == "fit" else None
        if report:
            from pytorch_lightning.utilities import rank_zero_warn

            rank_zero_warn(report)


def collate(samples: list[Sample]) -> dict[str, torch.Tensor]:
    """The batch of docs/architecture.md."""
    batch = {
        name: torch.from_numpy(np.array([s[name] for s in samples])) for name in samples[0] if name != "image"
    }
    return {"image": torch.from_numpy(np.stack([s["image"] for s in samples])), **batch}
