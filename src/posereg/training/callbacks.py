"""Callbacks that every run has: randomness by step, the check for NaN, learning rates, throughput, memory format."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from posereg.errors import UserError


class StepSeed(Callback):
    """Random numbers of a step (H3's negatives, dropout) are a function of seed, rank, epoch and batch alone."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed the generators for this step."""
        place = [self.seed, trainer.global_rank, trainer.current_epoch, batch_idx]
        # Hashed: the CPU's generator reads the lower 32 bits alone.
        seed = int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0])
        # As torch.manual_seed, which asks for every kind of device each time: 345 microseconds in place of 3.
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.manual_seed_all(seed)
        if torch.backends.mps.is_available():
            torch.mps.manual_seed(seed)


class NotFiniteError(UserError):
    """The loss, a weight or an optimiser moment became NaN or infinite."""


class FiniteLoss(Callback):
    """Stops on a NaN or infinite loss. Looks every `every` steps and at the epoch's end, before validation's figures
    are used: reading a loss makes the host wait for the device. (Checkpoints look once more, at everything they
    would write.)

    Raises:
        NotFiniteError: on every rank, when one rank's loss is not finite.
    """

    def __init__(self, every: int = 50) -> None:
        self.every = every
        self._bad: Tensor | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note whether this loss is finite, on the device; look every so many steps."""
        bad = ~torch.isfinite(outputs["loss"].detach())
        self._bad = bad if self._bad is None else self._bad | bad
        if (batch_idx + 1) % self.every == 0:
            self.check(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Look at what the epoch's last steps noted."""
        self.check(trainer)

    def check(self, trainer: pl.Trainer) -> None:
        """Raise if a loss since the last look was not finite.

        Raises:
            NotFiniteError: on every rank, when one rank's loss is not finite.
        """
        bad, self._bad = self._bad is not None and bool(self._bad), None
        if trainer.strategy.reduce_boolean_decision(bad, all=False):
            raise NotFiniteError(f"the loss became NaN or infinite before step {trainer.global_step}")


class LearningRates(Callback):
    """Logs the learning rate of the epoch's last step with the epoch's figures: `lr`, or `lr/<part>` where parts of
    the network have their own."""

    def __init__(self) -> None:
        self._rates: dict[str, float] = {}

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Keep the rates that this step uses."""
        # Kept for the epoch's end, when the optimiser holds the next step's rates already.
        groups = trainer.optimizers[0].param_groups
        if len(groups) == 1 and "part" not in groups[0]:
            self._rates = {"lr": float(groups[0]["lr"])}
        else:
            self._rates = {f"lr/{group.get('part', k)}": float(group["lr"]) for k, group in enumerate(groups)}

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Log the rates of the epoch's last step."""
        module.log_dict(self._rates, sync_dist=True)


class Throughput(Callback):
    """Images per second and the share of time the loop waited for data, without the first `skip` steps."""

    def __init__(self, skip: int = 5) -> None:
        self.skip = skip
        self.steps = self.images = 0
        self.waited = self.worked = 0.0
        self._mark: float | None = None

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start the clock; validation in between does not count as waiting."""
        self._mark = time.perf_counter()

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Count the time since the last step as waiting for data."""
        now = time.perf_counter()
        if self.steps >= self.skip and self._mark is not None:
            self.waited += now - self._mark
        self._mark = now

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the step's time and its images, of all processes."""
        now = time.perf_counter()
        if self.steps >= self.skip and self._mark is not None:
            self.worked += now - self._mark
            self.images += len(batch["image"]) * trainer.world_size
        self.steps += 1
        self._mark = now

    def summary(self) -> dict[str, float]:
        """`images_per_s` and `data_wait`, the share of time in [0, 1]; empty when no step was counted."""
        seconds = self.waited + self.worked
        if seconds == 0:
            return {}
        return {"images_per_s": round(self.images / seconds, 2), "data_wait": round(self.waited / seconds, 4)}


class NetworkFormat(Callback):
    """Memory format and compilation of the network, set once the module is on its device."""

    def __init__(self, channels_last: bool, compiled: bool) -> None:
        self.channels_last = channels_last
        self.compiled = compiled

    def setup(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        """Set memory format and compilation; a second call changes nothing."""
        network: Any = module.network
        if self.channels_last:
            network.to(memory_format=torch.channels_last)
        if self.compiled and not getattr(network, "_compiled_call_impl", None):
            # In place: torch.compile(network) would rename the checkpoint's keys.
            network.compile()
