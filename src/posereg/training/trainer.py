"""Lightning's Trainer with the suite's settings, and the callbacks that keep a run exact and resumable."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import Logger

from posereg.errors import UserError
from posereg.runs.folder import CHECKPOINT


class StepSeed(Callback):
    """Random numbers on the device (H3's negatives, dropout) are a function of seed, rank and step alone."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.current_epoch * 1_000_003 + batch_idx
        torch.manual_seed((self.seed * 7_919 + trainer.global_rank) * 2**32 + step)


class FiniteLoss(Callback):
    """Stops on a NaN or infinite loss. Checks every `every` steps, as reading a loss makes the host wait for the
    device, and at the epoch's end, before the checkpoint is written."""

    def __init__(self, every: int = 50) -> None:
        self.every = every
        self._bad: torch.Tensor | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        bad = ~torch.isfinite(outputs["loss"].detach())
        self._bad = bad if self._bad is None else self._bad | bad
        if (batch_idx + 1) % self.every == 0:
            self._look(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._look(trainer)

    def _look(self, trainer: pl.Trainer) -> None:
        if self._bad is not None and bool(self._bad):
            raise UserError(
                f"the loss became NaN or infinite before step {trainer.global_step}; {CHECKPOINT} holds the last good "
                "state: lower method.optimizer.lr, set trainer.clip, or use trainer.precision=32-true"
            )
        self._bad = None


class Throughput(Callback):
    """Images per second and the share of time the loop waited for data, without the first `skip` steps."""

    def __init__(self, skip: int = 5) -> None:
        self.skip = skip
        self.steps = self.images = 0
        self.waited = self.worked = 0.0
        self._mark = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._mark = time.perf_counter()

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        if self.steps >= self.skip:
            self.waited += now - self._mark
        self._mark = now

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        if self.steps >= self.skip:
            self.worked += now - self._mark
            self.images += len(batch["image"]) * trainer.world_size
        self.steps += 1
        self._mark = now

    def summary(self) -> dict[str, float]:
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
        network: Any = module.network
        if self.channels_last:
            network.to(memory_format=torch.channels_last)
        if self.compiled and not getattr(network, "_compiled_call_impl", None):
            # In place: torch.compile(network) would rename the checkpoint's keys.
            network.compile()


def build_trainer(
    run_dir: Path,
    seed: int,
    loggers: Sequence[Logger],
    callbacks: Sequence[Callback] = (),
    epochs: int = 140,
    precision: Any = "32-true",
    accelerator: str = "auto",
    devices: int | str = 1,
    accumulate: int = 1,
    channels_last: bool = True,
    compile: bool = False,
    ema: float | None = None,
    clip: float | None = None,
    validate_every: int = 1,
    checkpoint_minutes: float | None = 10,
    limit_train_batches: float | int = 1.0,
) -> pl.Trainer:
    """The Trainer of a run: `last.ckpt` in `run_dir`, everything else as conf/trainer/default.yaml explains."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
    checkpoints = [ModelCheckpoint(dirpath=run_dir, filename=Path(CHECKPOINT).stem, enable_version_counter=False,
                                   save_top_k=1, every_n_epochs=1, save_on_train_epoch_end=True)]  # fmt: skip
    if checkpoint_minutes:
        within = timedelta(minutes=checkpoint_minutes)
        checkpoints.append(ModelCheckpoint(dirpath=run_dir, filename=Path(CHECKPOINT).stem,
                                           enable_version_counter=False, train_time_interval=within))  # fmt: skip
    averaging: list[Callback] = []
    if ema:
        from pytorch_lightning.callbacks import EMAWeightAveraging

        averaging.append(EMAWeightAveraging(decay=ema))
    return pl.Trainer(
        default_root_dir=run_dir,
        max_epochs=epochs,
        precision=precision,
        accelerator=accelerator,
        devices=devices,
        accumulate_grad_batches=accumulate,
        gradient_clip_val=clip,
        check_val_every_n_epoch=validate_every,
        limit_train_batches=limit_train_batches,
        logger=list(loggers) or False,
        callbacks=[
            NetworkFormat(channels_last, compile),
            StepSeed(seed),
            FiniteLoss(),
            *averaging,
            *callbacks,
            *checkpoints,
        ],
        num_sanity_val_steps=0,
        enable_model_summary=False,
        use_distributed_sampler=False,
        log_every_n_steps=1,
    )
