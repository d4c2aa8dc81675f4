"""Progress: rich bars in a terminal, one plain line per epoch in a file."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, ProgressBar, RichProgressBar

from posereg.terminal.duration import Pace, elapsed
from posereg.training.phases import idle_losses, label

SILENCE_SECONDS = 30.0


def progress_callbacks() -> list[Callback]:
    """Rich bars in a terminal, plain lines elsewhere."""
    return [Bars(leave=False)] if sys.stdout.isatty() else [PlainProgress()]


class Bars(RichProgressBar):
    """Lightning's bars, with the phase of a staged training, the last epoch's figures and the time left."""

    def __init__(self, leave: bool = False) -> None:
        super().__init__(leave=leave)
        self._pace, self._left, self._figures = Pace(), "", dict[str, str]()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Estimate the time left, then draw."""
        self._left = _time_left(self._pace, trainer, batch_idx + 1)
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the epoch's figures: to read them at every refresh would make the device wait."""
        self._figures = _news(trainer, pl_module)
        super().on_train_epoch_end(trainer, pl_module)

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """What stands behind the bar."""
        phase = label(pl_module)
        own = {"phase": phase, "left": self._left} | self._figures
        return {
            **super().get_metrics(trainer, pl_module),
            **{name: text for name, text in own.items() if text},
        }


class PlainProgress(ProgressBar):
    """`epoch 3/140  train/loss 0.0123  val/PCKh@0.5 61.20  12 s  28m04s left`, and a line every half minute of an
    epoch. In a staged training the phase follows the epoch: `epoch 60/140  regression 2/3`."""

    def __init__(self) -> None:
        super().__init__()
        self.enabled = True
        self._began = self._spoke = 0.0
        self._pace, self._left = Pace(), ""

    def disable(self) -> None:
        """Say nothing, as on every process but the first."""
        self.enabled = False

    def enable(self) -> None:
        """Speak again."""
        self.enabled = True

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start the clock of the whole training."""
        self._began = self._spoke = time.monotonic()  # within an epoch, where a run goes on

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start the clock of the epoch."""
        self._began = self._spoke = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """A line within a long epoch."""
        now = time.monotonic()
        self._left = _time_left(self._pace, trainer, batch_idx + 1)
        if now - self._spoke > SILENCE_SECONDS:
            self._spoke = now
            self._say(trainer, f"step {batch_idx + 1}/{trainer.num_training_batches}", *self._ending())

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """The line of the epoch."""
        shown = [f"{name} {value}" for name, value in _news(trainer, module).items()]
        self._say(trainer, *shown, f"{time.monotonic() - self._began:.0f} s", *self._ending())

    def _ending(self) -> list[str]:
        return [f"{self._left} left"] if self._left else []

    def _say(self, trainer: pl.Trainer, *parts: str) -> None:
        if self.enabled:
            epochs = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
            phase = label(trainer.lightning_module)
            stage = [phase] if phase else []
            print("  ".join([f"epoch {trainer.current_epoch + 1}{epochs}", *stage, *parts]), flush=True)


def _time_left(pace: Pace, trainer: pl.Trainer, batches: int) -> str:
    """Until the end of the training, after `batches` of the present epoch; empty where nobody can know."""
    if not trainer.max_epochs or trainer.max_epochs < 0:
        return ""
    share = (trainer.current_epoch + batches / trainer.num_training_batches) / trainer.max_epochs
    left = pace.left(share, time.monotonic())
    return "" if left is None or share >= 1 else elapsed(left)


def _news(trainer: pl.Trainer, module: pl.LightningModule) -> dict[str, str]:
    """What the epoch measured. Lightning keeps the last value of everything that was ever logged."""
    idle = idle_losses(module)
    return {
        name: f"{float(value):.4g}"
        for name, value in trainer.callback_metrics.items()
        if name.partition("/")[0] in ("train", "val") and name.partition("/")[2] not in idle
    }
