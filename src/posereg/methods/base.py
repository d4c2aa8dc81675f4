"""What every LightningModule of the suite shares: images on the device, steps, optimiser, predictions.

A method is a subclass that defines two things: `losses(images, batch)`, a dict with the total under `loss`, and
`predict(images)`, keypoints in input pixels with scores. To add one: a file here, a file in conf/method/.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeGuard

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor, nn
from torch.optim import Optimizer

from posereg.codecs.constants import filled
from posereg.data.modules.loader import taken_batches
from posereg.data.samples.people import TopDownDataset
from posereg.errors import UserError
from posereg.geometry.pixels import Convention, flip_x, inside
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions, concatenate
from posereg.runs.processes import gathered
from posereg.settings.ranges import Positive, Rgb, Size
from posereg.skeletons.skeleton import SkeletonName, mapping
from posereg.skeletons.skeleton import skeleton as skeleton_of
from posereg.training.hardware import fused
from posereg.training.means import Means
from posereg.training.phases import Phase, Phases, first_steps, in_use, phased_optimizer

Batch = dict[str, Any]
STARTED_FROM = "posereg_started_from"  # of a checkpoint: what had trained its network before its run
# Predictions of a validation batch, and for each the row of the sample it was found in.
Part = tuple[NDArray[np.int64], Predictions]


class SampleRows(Protocol):
    """Samples by row."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: int) -> dict[str, Any]: ...

    def check(self) -> None:
        """
        Raises:
            UserError: another sample stood in for one whose image cannot be decoded.
        """
        ...


def joined(parts: list[Part]) -> Predictions | None:
    """The parts of all processes, in the order of the samples; None where no process has any."""
    every = gathered(parts)
    if not every:
        return None
    rows = np.concatenate([index for index, _ in every])
    return concatenate([part for _, part in every]).rows(np.argsort(rows, kind="stable"))


MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def total_steps(trainer: pl.Trainer) -> int:
    """Optimiser steps of the whole training.

    Not `trainer.estimated_stepping_batches`: asking for that before the checkpoint is restored makes Lightning
    forget where in the epoch the loader was.
    """
    batches = len(trainer.datamodule.train_dataloader())  # type: ignore[attr-defined]
    batches = taken_batches(trainer, batches)
    return max(1, math.ceil(batches / trainer.accumulate_grad_batches)) * max(1, trainer.max_epochs or 1)


def _joint_counts(node: Any, path: str) -> Iterator[tuple[str, int]]:
    """What the parts of a network's node say of how many joints there are."""
    for key, value in node.items() if isinstance(node, Mapping) else ():
        if key in ("joints", "keypoints") and isinstance(value, int):
            yield f"{path}.{key}", value
        yield from _joint_counts(value, f"{path}.{key}")


class PoseModule(pl.LightningModule):
    """Base of all methods.

    Args:
        network: takes normalised images (B, 3, H, W).
        skeleton: name of the data's joint set.
        network_skeleton: name of the network's joint set, where that has more joints than the data (a model of
            MPII's 16 joints on LSP's 14). Joints the data lacks count in no loss and are not predicted.
        name: what the method is called in tables and pictures.
        input_size: (W, H) pixels.
        optimizer: parameters -> Optimizer.
        schedule: (optimizer, total_steps) -> Lightning's scheduler dict; None keeps the learning rate.
        phases: staged training (phases.py), by name in order; takes the place of `schedule`.
        flip_test: average with the mirrored image when predicting.
        convention: pixel convention of maps and labels (geometry/pixels.py).
        mean, std: normalisation of RGB in [0, 1].
    """

    score_rule = "as the method defines"
    looks_at = "people"  # crops of people; scenes: whole images
    dimensions: int | None = 2  # of the joints it predicts; None: whatever the data have
    needs_weights = True  # False: evaluates without training and without a checkpoint
    mean: Tensor
    std: Tensor
    flip_order: Tensor
    data_joint: Tensor
    network_joint: Tensor

    @staticmethod
    def disagreements(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """`(key, what is wrong)` of a config node whose settings are valid but do not go together
        (settings/parts.py)."""
        own = skeleton_of(node["skeleton"])
        joints = skeleton_of(node.get("network_skeleton") or node["skeleton"])
        lacking = [own.joints[k] for k in np.flatnonzero(mapping(joints, own) < 0)]
        if lacking:
            yield "network_skeleton", f"lacks {', '.join(lacking[:4])} of {own.name}, the data's"
        for key, count in _joint_counts(node.get("network"), "network"):
            if count != len(joints):
                yield key, f"must be {len(joints)}, the joints of {joints.name}"
        if node.get("flip_test") and not joints.flip_pairs:
            yield "flip_test", f"{joints.name} has no left and right joints to swap"

    @staticmethod
    def loss_names(node: Mapping[str, Any]) -> set[str] | None:
        """The losses that a config node of this method logs as `train/<name>` and `val/<name>` at any time; None
        where that is not known (settings/learning.py)."""
        return None

    def __init__(
        self,
        network: nn.Module,
        skeleton: SkeletonName,
        input_size: Size,
        optimizer: Callable[[Iterable[Any]], Optimizer],
        schedule: Callable[[Optimizer, int], dict[str, Any]] | None = None,
        name: str = "",
        flip_test: bool = False,
        convention: Convention = "center",
        mean: Rgb = MEAN,
        std: tuple[Positive, Positive, Positive] = STD,
        network_skeleton: SkeletonName | None = None,
        phases: Mapping[str, Phase] | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.network = network
        self.plain_config: dict[str, Any] = {}
        self.overrides: list[str] = []  # of the command line; sibling rows are composed from them
        self.started_from: Mapping[str, Any] | None = (
            None  # what had trained the network (reporting/lineage.py)
        )
        self.skeleton = skeleton_of(skeleton)
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.optimizer_factory = optimizer
        self.fused_optimizer = False  # the trainer's to say (training/hardware.py)
        self.schedule_factory = schedule
        self.flip_test = flip_test and self._knows_sides()
        self.convention: Convention = convention
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        joints = skeleton_of(network_skeleton or skeleton)
        data_joint, network_joint = mapping(self.skeleton, joints), mapping(joints, self.skeleton)
        if (network_joint < 0).any():
            lacking = [self.skeleton.joints[k] for k in np.flatnonzero(network_joint < 0)]
            raise UserError(
                f"method.network_skeleton: {joints.name} has no {', '.join(lacking)}, which {self.skeleton.name} data "
                "have"
            )
        self.register_buffer("flip_order", torch.tensor(joints.flip), persistent=False)
        self.register_buffer("data_joint", torch.from_numpy(data_joint), persistent=False)
        self.register_buffer("network_joint", torch.from_numpy(network_joint), persistent=False)
        self.phases = in_use(phases or {})
        # The current phase of training; outside training, the last one.
        self.phase = next(reversed(self.phases), None)
        self.phase_starts: list[int] = []
        self._predicted: list[Part] = []
        self._everyone: Predictions | None = None
        self.means = Means()  # of this epoch's training losses
        self._validation_means = Means()

    def _knows_sides(self) -> bool:
        """Whether the skeleton says what left and right are, without which nothing is mirrored; if not, it is said."""
        known = bool(self.skeleton.flip_pairs)
        if not known:
            rank_zero_only(print)(
                f"skeleton {self.skeleton.name} has no left-right pairs: predicting without the mirrored image "
                "(flip_test=false)"
            )
        return known

    # Methods define these.

    def losses(self, images: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Scalar losses by name; `loss` is what is minimised."""
        raise NotImplementedError

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (B, K, D) in input pixels and their scores (B, K), flip test included."""
        raise NotImplementedError

    def unfinished(self) -> bool:
        """Whether the validation after the last epoch will train a part of the method."""
        return False

    @property
    def finds_people(self) -> bool:
        """Whether it looks at whole images and finds the people itself; else it is given their crops."""
        return self.looks_at == "scenes"

    def samples(self, poses: PoseSet) -> SampleRows:
        """What the method looks at, without augmentation: one crop a person, or one whole image a row."""
        return TopDownDataset(poses, self.input_size)

    def predict_batch(self, batch: Batch, poses: PoseSet) -> Predictions:
        """From a batch of `samples(poses)` to poses in image pixels (or millimetres): what every command calls."""
        return self.predictions(batch, *self.predict(self.images(batch)), poses=poses)

    def seen(self, images: Tensor) -> dict[str, Any]:
        """What figures of maps show of normalised images (B, 3, H, W): `maps` (B, K, h, w) as they are decoded and
        `keypoints` (B, K, 2) in input pixels; further fields as `figures.maps.SeenInContext` lists them.

        Raises:
            UserError: a method without heat maps.
        """
        raise UserError(f"{self.name or type(self).__name__} has no heat maps to draw")

    def protocol(self) -> dict[str, Any]:
        """What makes two figures comparable on the method's side; part of every result."""
        return {
            "input_size": list(self.input_size),
            "convention": self.convention,
            "flip_test": self.flip_test,
            "score_rule": self.score_rule,
        }

    def measured(self) -> dict[str, float]:
        """Metrics of the last validation besides the data set's own, for result.json."""
        return {}

    def drawn_from(self) -> dict[str, NDArray[Any]]:
        """What intervals of `measured` are drawn from, for evaluation.npz; keys `<metric's prefix>/<array>`."""
        return {}

    def draw(self, data: Any, folder: Path) -> dict[str, str]:
        """Write pictures of the trained method into the run's folder; returns title -> file name."""
        return {}

    # Methods can use these.

    def images(self, batch: Batch) -> Tensor:
        """uint8 (B, H, W, 3) to normalised float (B, 3, H, W), colour augmentation applied, channels_last."""
        images: Tensor = batch["image"].permute(0, 3, 1, 2).float() / 255
        if _drawn(power := batch.get("color_power")):
            images = images ** power[:, :, None, None]
        if _drawn(gain := batch.get("color_gain")):
            images = (images * gain[:, :, None, None]).clamp_(0, 1)
        return (images - self.mean).div_(self.std)

    def labels(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Keypoints (B, K, 2) and weights (B, K): 1 for labelled joints inside the input."""
        keypoints, visibility = self.joint_labels(batch)
        size = filled(self.input_size, keypoints)
        return keypoints, ((visibility > 0) & inside(keypoints, size)).float()

    def joint_labels(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Keypoints (B, K, 2) and visibility (B, K) of the network's joints; what the data lack is not labelled."""
        there = self.data_joint >= 0
        return batch["keypoints"][:, self.data_joint], batch["visibility"][:, self.data_joint] * there

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss that is minimised; all losses count in the means of the epoch."""
        losses = self.losses(self.images(batch), batch)
        for name, value in losses.items():
            self.means.add(f"train/{name}", value, len(batch["image"]))
        return losses["loss"]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Logs the losses and keeps the predictions until the end of the epoch."""
        images = self.images(batch)
        self._log_validation(self.losses(images, batch), batch)
        self.keep(batch, self.predictions(batch, *self.predict(images)))

    def keep(self, batch: Batch, predictions: Predictions) -> None:
        """Keep the predictions of a validation batch, one for each of its samples, until the epoch ends."""
        if "repeated" not in batch:
            self._predicted.append((batch["index"].cpu().numpy(), predictions))

    def on_validation_epoch_start(self) -> None:
        """Forgets the predictions of the last validation."""
        self._predicted, self._everyone, self._validation_means = [], None, Means()

    def on_validation_epoch_end(self) -> None:
        """Scores everyone's predictions by the data set's own evaluation; totals are logged as `val/<metric>`."""
        # Lightning's own means over processes are wrong where these have not seen equally many samples.
        # (The mean of equal numbers that `sync_dist` takes only keeps it from warning.)
        self.log_dict(self._validation_means.take_together(), sync_dist=True)
        self._everyone = everyone = joined(self._predicted)
        if everyone is None or self.trainer.sanity_checking:
            return
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        evaluation = data.evaluate(data.postprocessed(everyone))
        for name, value in evaluation.metrics.items():
            if "/" not in name and math.isfinite(value):
                self.log(f"val/{name}", float(value), sync_dist=True)

    def predictions(
        self, batch: Batch, keypoints: Tensor, scores: Tensor, poses: PoseSet | None = None
    ) -> Predictions:
        """The network's joints in input pixels to the data's joints in image pixels, with the people's ids; `poses`
        defaults to the validation people."""
        keypoints, scores = keypoints[:, self.network_joint], scores[:, self.network_joint]
        affine = batch["to_image"]
        moved = keypoints[..., :2] @ affine[:, :, :2].transpose(1, 2) + affine[:, None, :, 2]
        if poses is None:
            data = self.trainer.datamodule  # type: ignore[attr-defined]
            poses = data.poses(data.val_split)
        index = batch["index"].cpu().numpy()
        confidence = scores.float().cpu().numpy()
        return Predictions(
            ids=poses.ids[index],
            image_ids=poses.image_ids[poses.person_image[index]],
            keypoints=moved.float().cpu().numpy(),
            keypoint_scores=confidence,
            scores=confidence.mean(1),
        )

    def everyone(self) -> Predictions | None:
        """The last validation's predictions, of all processes; None where there was none."""
        return self._everyone

    def inherit(self, method: Mapping[str, Any]) -> None:
        """What a run takes over from the checkpoint it starts from, besides the network: here nothing.

        Args:
            method: the `method` node of the checkpoint's config.
        """

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """The resolved config goes along, so that the file alone builds the model again (`build.load_method`)."""
        checkpoint["posereg_config"] = self.stored_config()
        if self.started_from:
            checkpoint[STARTED_FROM] = self.started_from

    def stored_config(self) -> dict[str, Any]:
        """The config as a checkpoint keeps it, with what the method measured."""
        return self.plain_config

    def configure_callbacks(self) -> list[Callback]:
        """The callback that switches phases, where there are any."""
        return [Phases()] if self.phases else []

    def configure_optimizers(self) -> Any:
        """One optimiser and its schedule by step; with phases one that changes as they begin."""
        factory = fused(self.optimizer_factory) if self.fused_optimizer else self.optimizer_factory
        if self.phases:
            total, epochs = total_steps(self.trainer), max(1, self.trainer.max_epochs or 1)
            shares = [phase.epochs for phase in self.phases.values()]
            self.phase_starts = first_steps(shares, epochs, total // epochs)
            return phased_optimizer(self.network, factory, self.phases, self.phase_starts, total)
        optimizer = factory(p for p in self.parameters() if p.requires_grad)
        if self.schedule_factory is None:
            return optimizer
        return {
            "optimizer": optimizer,
            "lr_scheduler": self.schedule_factory(optimizer, total_steps(self.trainer)),
        }

    def _log_validation(self, losses: dict[str, Tensor], batch: Batch) -> None:
        if "repeated" in batch:
            return
        for name, value in losses.items():
            self._validation_means.add(f"val/{name}", value, len(batch["image"]))

    def unflip_maps(self, maps: Tensor) -> Tensor:
        """Maps (B, K, H, W) of a mirrored image back to the image: mirrored, left and right swapped."""
        return maps.flip(-1)[:, self.flip_order]

    def unflip_keypoints(self, keypoints: Tensor) -> Tensor:
        """Keypoints (B, K, D) of a mirrored image back to the image."""
        swapped = keypoints[:, self.flip_order].clone()
        swapped[..., 0] = flip_x(swapped[..., 0], self.input_size[0])
        return swapped


def _drawn(change: Tensor | None) -> TypeGuard[Tensor]:
    """Whether a change of colour changes anything. On a GPU it counts as one: to look, the host would have to wait."""
    return change is not None and (change.device.type != "cpu" or bool((change != 1).any()))
