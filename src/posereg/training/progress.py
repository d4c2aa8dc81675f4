"""Progress: rich bars in a terminal, one plain line per epoch in a file."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, ProgressBar, RichProgressBar

from posereg.training.phases import idle_losses, label

SILENCE_SECONDS = 30.0


def progress_callbacks() -> list[Callback]:
    """Rich bars in a terminal, plain lines elsewhere."""
    return [Bars(leave=False)] if sys.stdout.isatty() else [PlainProgress()]


class Bars(RichProgressBar):
    """Lightning's bars, with the phase of a staged training."""

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """What stands behind the bar."""
        phase = label(pl_module)
        return {**super().get_metrics(trainer, pl_module), **({"phase": phase} if phase else {})}


class PlainProgress(ProgressBar):
    """`epoch 3/140  train/loss 0.0123  val/PCKh@0.5 61.20  12 s`, and within long epochs a line every half minute.
    In a staged training the phase follows the epoch: `epoch 60/140  regression 2/3`."""

    def __init__(self) -> None:
        super().__init__()
        self.enabled = True
        self._began = self._spoke = 0.0

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
        if now - self._spoke > SILENCE_SECONDS:
            self._spoke = now
            self._say(trainer, f"step {batch_idx + 1}/{trainer.num_training_batches}")

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """The line of the epoch."""
        # Lightning keeps the last value of everything that was ever logged.
        idle = idle_losses(module)
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        shown = [f"{name} {value:.4g}" for name, value in metrics.items() if _is_news(name, idle)]
        self._say(trainer, *shown, f"{time.monotonic() - self._began:.0f} s")

    def _say(self, trainer: pl.Trainer, *parts: str) -> None:
        if self.enabled:
            epochs = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
            phase = label(trainer.lightning_module)
            stage = [phase] if phase else []
            print("  ".join([f"epoch {trainer.current_epoch + 1}{epochs}", *stage, *parts]), flush=True)


def _is_news(name: str, idle: set[str]) -> bool:
    stage, _, rest = name.partition("/")
    return stage in ("train", "val") and rest not in idle
