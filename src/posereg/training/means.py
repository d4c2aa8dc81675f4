"""Running means of an epoch's losses, which a checkpoint within the epoch takes along."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from posereg.runs.processes import gathered


class Means:
    """Means by name, weighted by batch size; sums stay on the device."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[Tensor, int]] = {}

    def add(self, name: str, value: Tensor, count: int) -> None:
        """
        Args:
            value: scalar, the mean over `count` samples.
        """
        total, number = self._sums.get(name, (value.new_zeros((), dtype=value.float().dtype), 0))
        self._sums[name] = (total + value.detach().float() * count, number + count)

    def take(self) -> dict[str, Tensor]:
        """The means so far; counting starts anew."""
        means = {name: total / number for name, (total, number) in self._sums.items()}
        self._sums = {}
        return means

    def take_together(self) -> dict[str, Tensor]:
        """The means so far over the samples of all processes, on the CPU; counting starts anew."""
        own = {name: (total.cpu(), number) for name, (total, number) in self._sums.items()}
        every = gathered([own])
        self._sums = {}
        means = {}
        for name in dict.fromkeys(name for each in every for name in each):
            totals, numbers = zip(*(each[name] for each in every if name in each), strict=True)
            means[name] = torch.stack(totals).sum(0) / sum(numbers)
        return means

    def state_dict(self) -> dict[str, Any]:
        """Sums and counts by name, on the CPU; of several processes the means of theirs, as the first one's file is
        what all go on from."""
        own = {name: (total.cpu(), number) for name, (total, number) in self._sums.items()}
        every = gathered([own])
        sums = (
            {name: torch.stack([each[name][0] for each in every]) for name in own} if len(every) > 1 else {}
        )
        return {
            name: [sums[name].mean(0) if sums else total, number] for name, (total, number) in own.items()
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from saved sums."""
        self._sums = {name: (total, int(number)) for name, (total, number) in state.items()}


class EpochMeans(Callback):
    """Logs the module's `means` at the end of every epoch, before the callbacks that read them."""

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Log the means and start anew."""
        means: Means = module.means  # type: ignore[assignment]
        module.log_dict(means.take(), sync_dist=True)
