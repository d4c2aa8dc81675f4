"""best.ckpt (`trainer.best`): the weights of the epoch with the best validation figure, kept beside the last."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from posereg.errors import UserError, nearest
from posereg.runs.folder import BEST


class BestCheckpoint(Callback):
    """Writes best.ckpt whenever a validation beats all before it. It decides nothing: the result of a run is that of
    its last weights, or of best.ckpt with `evaluate_only=true init_weights=.../best.ckpt`.

    Args:
        metric: what a validation logs, e.g. `val/AUC`.
        mode: whether more or less is better.
        folder: the run's.
    """

    def __init__(self, metric: str, mode: Literal["max", "min"], folder: Path) -> None:
        self.metric, self.mode, self.folder = metric, mode, folder
        self.best: float | None = None

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Write best.ckpt if this validation of a training is the best.

        Raises:
            UserError: no such metric.
        """
        if trainer.state.fn != "fit":
            return
        metrics = trainer.callback_metrics
        if self.metric not in metrics:
            raise UserError(f"trainer.best.metric: no metric '{self.metric}'{nearest(self.metric, metrics)}")
        value = float(metrics[self.metric])
        if self.best is None or (value > self.best if self.mode == "max" else value < self.best):
            self.best = value
            trainer.save_checkpoint(self.folder / BEST)

    def state_dict(self) -> dict[str, Any]:
        """The best figure so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from it."""
        self.best = state_dict["best"]
