"""When a run writes last.ckpt, what is in it beside Lightning's own, and how a run goes on from it.

Checkpoints are written where nothing is half done: before the first batch of an epoch (validation, schedules and
logs of the one before are over), between two optimiser steps, and after the last epoch. Lightning restores
weights, optimiser and schedules; position, loader, running means, last metrics, metrics.csv and the time spent are
kept here, because Lightning loses or mistakes some of them (the loader of a finished epoch, a schedule that waits
for a metric, the means of an epoch's first part).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint
from torch import Tensor

from posereg.errors import Interrupted
from posereg.runs import processes
from posereg.runs.folder import CHECKPOINT
from posereg.runs.signals import Signals
from posereg.training.average import RAW
from posereg.training.callbacks import NotFiniteError
from posereg.training.checkpoint_files import SECTION
from posereg.training.loggers import MetricsCsv

VERSION = 1


@dataclass(frozen=True)
class Position:
    """Where a run stands: so many epochs, batches of the next one and optimiser steps are done.

    Attributes:
        finished: training is over; what is left is the evaluation.
        validated: the weights of this position have been validated.
    """

    epoch: int
    batch: int
    step: int
    finished: bool = False
    validated: bool = False


class Checkpoints(Checkpoint):
    """Writes last.ckpt at the end of every epoch, every `minutes` within one, and when a signal asks to stop.

    Args:
        folder: the run's folder.
        minutes: None writes at epochs' ends only.
        signals: says whether the run was asked to end.

    Attributes:
        position: what the last checkpoint of this process, written or gone on from, holds.
        seconds: training time until then, of all processes that had a part in the run.
    """

    def __init__(self, folder: Path, minutes: float | None, signals: Signals) -> None:
        self.path = folder / CHECKPOINT
        self.minutes = minutes
        self.signals = signals
        self.position = Position(0, 0, 0)
        self.seconds = 0.0
        self._restored: dict[str, Any] | None = None
        self._saving: Position | None = None
        self._validated_step = -1
        self._written = self._mark = time.monotonic()

    # Going on.

    def on_load_checkpoint(
        self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the suite's section until training starts."""
        self._restored = checkpoint[SECTION]

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Put loader, means, metrics and metrics.csv back to where the checkpoint left them."""
        self.signals.catch()
        self._written = self._mark = time.monotonic()
        if self._restored is not None:
            self._restore(trainer, module, self._restored)
            self._restored = None
        self.signals.deferred = True

    def _restore(self, trainer: pl.Trainer, module: Any, section: dict[str, Any]) -> None:
        self.position = Position(**section["position"])
        self.seconds = section["seconds"]
        # The loader was asked for its iterator already, but starts it with the first batch.
        loader: Any = trainer.train_dataloader
        loader.load_state_dict({"epoch": self.position.epoch, "batch": self.position.batch})
        module.means.load_state_dict(section["means"])
        trainer.callback_metrics.update(
            {name: torch.tensor(value) for name, value in section["metrics"].items()}
        )
        restore_rows(trainer.loggers, section)

    # Writing.

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Save before the first batch of an epoch, when the one before is over in every respect."""
        position = self._here(trainer, 0)
        if position.step > self.position.step:
            self._save(trainer, position)

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Between two optimiser steps: save when it is time, and end the run if a signal asked for it.

        Raises:
            Interrupted: a signal asked the run to end; the checkpoint is written.
        """
        # Else Lightning skips the schedule's step at the end of an epoch that was gone on with.
        trainer.fit_loop.restarting = False
        if batch_idx % trainer.accumulate_grad_batches:
            return  # a part of the gradient exists that no checkpoint holds
        late = self.minutes is not None and time.monotonic() - self._written >= 60 * self.minutes
        # What one process sees counts for all.
        overdue, number = processes.most(int(late), self.signals.number or 0)
        position = self._here(trainer, batch_idx)
        if (overdue or number) and position.step > self.position.step:
            self._save(trainer, position)
        if number:
            raise Interrupted(number)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Save the finished training, before the final evaluation."""
        self._save(trainer, self._here(trainer, 0, finished=True))
        self.signals.deferred = False
        self.signals.check()

    def on_validation_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Let signals end the run at once while a validation runs."""
        # No safe place is near: what comes now ends the run at once, and the last checkpoint counts.
        self.signals.deferred = False
        self.signals.check()

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Remember which weights have been validated; signals wait for a step again."""
        self._validated_step = trainer.global_step
        self.signals.deferred = trainer.state.fn == "fit"

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        """Let signals end the run at once."""
        self.signals.deferred = False

    def _here(self, trainer: pl.Trainer, batch: int, finished: bool = False) -> Position:
        step = trainer.global_step
        return Position(trainer.current_epoch, batch, step, finished, validated=self._validated_step == step)

    def _save(self, trainer: pl.Trainer, position: Position) -> None:
        now = time.monotonic()
        self.seconds, self._mark = self.seconds + now - self._mark, now
        self._saving = position
        try:
            trainer.save_checkpoint(self.path)
        finally:
            self._saving = None
        self.position, self._written = position, time.monotonic()

    def on_save_checkpoint(
        self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the suite's section to a checkpoint that is about to be written.

        Raises:
            NotFiniteError: a weight or an optimiser moment is NaN or infinite; nothing is written.
        """
        (bad,) = processes.most(int(not is_finite(checkpoint)))
        if bad:
            raise NotFiniteError(f"a weight became NaN or infinite before step {trainer.global_step}")
        if self._saving is None:  # another callback's checkpoint
            return
        settle(checkpoint["loops"]["fit_loop"], self._saving)
        means: Any = module.means
        checkpoint[SECTION] = {
            "version": VERSION,
            "position": asdict(self._saving),
            "seconds": self.seconds,
            "means": means.state_dict(),
            "metrics": {name: float(value) for name, value in trainer.callback_metrics.items()},
            "rows": [
                row for logger in trainer.loggers if isinstance(logger, MetricsCsv) for row in logger.rows
            ],
        }


def restore_rows(loggers: Iterable[Any], section: dict[str, Any]) -> None:
    """metrics.csv as it was at the checkpoint."""
    for logger in loggers:
        if isinstance(logger, MetricsCsv):
            logger.rows = [dict(row) for row in section["rows"]]


def settle(loop: dict[str, Any], position: Position) -> None:
    """Make the counters of Lightning's fit loop say what is done, not what has begun: the hook that writes the
    checkpoint runs when the next epoch or batch has been counted as ready."""
    loop["state_dict"].pop("combined_loader", None)
    for progress in (loop["epoch_progress"]["total"], loop["epoch_progress"]["current"]):
        progress["processed"] = progress["completed"]
        progress["ready"] = progress["started"] = progress["completed"] + (position.batch > 0)
    batches = loop["epoch_loop.batch_progress"]
    for progress in (batches["total"], batches["current"]):
        progress["ready"] = progress["started"] = progress["processed"] = progress["completed"]
    batches["is_last_batch"] = False


def is_finite(value: Any) -> bool:
    """Whether no float in weights and optimiser states of a checkpoint is NaN or infinite."""
    checks = [
        torch.isfinite(tensor).all()
        for key in ("state_dict", RAW, "optimizer_states")
        for tensor in _tensors(value.get(key))
        if tensor.is_floating_point()
    ]
    by_device: dict[torch.device, list[Tensor]] = {}
    for check in checks:
        by_device.setdefault(check.device, []).append(check)
    return all(bool(torch.stack(flags).all()) for flags in by_device.values())


def _tensors(value: Any) -> Iterable[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
