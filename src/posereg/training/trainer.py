"""Lightning's Trainer with the suite's settings."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger

from posereg.errors import UserError
from posereg.runs import processes
from posereg.runs.signals import Signals
from posereg.settings.hardware import Accelerator, Devices, Precision
from posereg.settings.ranges import Annotated, Count, Interval, Positive
from posereg.training.average import WeightAverage
from posereg.training.best import BestCheckpoint
from posereg.training.callbacks import FiniteLoss, LearningRates, NetworkFormat, StepSeed
from posereg.training.checkpoint_files import WholeFiles
from posereg.training.checkpoints import Checkpoints
from posereg.training.hardware import FastSteps
from posereg.training.means import EpochMeans

Strategy = Literal["auto", "ddp", "ddp_find_unused_parameters_true"]


def build_trainer(
    run_dir: Path,
    seed: int,
    loggers: Sequence[Logger],
    signals: Signals,
    run_callbacks: Sequence[Callback],
    epochs: Annotated[int, Interval(ge=1, le=100_000)] = 140,
    precision: Precision = "32-true",
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
    accumulate: Count = 1,
    channels_last: bool = True,
    compile: bool = False,
    tf32: bool = False,
    autotune: bool = False,
    fused: bool = False,
    ema: Annotated[float, Interval(gt=0, lt=1)] | None = None,
    clip: Positive | None = None,
    validate_every: Count = 1,
    checkpoint_minutes: Positive | None = 10,
    limit_train_batches: Annotated[float, Interval(gt=0, le=1)] | Count = 1.0,
    num_nodes: Count = 1,
    strategy: Strategy = "auto",
    sync_batchnorm: bool = False,
    best: Mapping[str, str] | None = None,
    callbacks: Mapping[str, Callback] | None = None,
) -> pl.Trainer:
    """The Trainer of a run: `last.ckpt` in `run_dir`, everything else as conf/train.yaml and
    conf/trainer/default.yaml explain."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")
    # One process a run is what is meant on a machine of Slurm's.
    warnings.filterwarnings(
        "ignore", message="The `srun` command is available on your system but is not used"
    )
    chosen: Any = devices
    return pl.Trainer(
        # Lightning would look into the run's folder for checkpoints of its own (hpc_ckpt_*) and load them.
        default_root_dir=run_dir / "lightning",
        max_epochs=epochs,
        precision=precision,
        accelerator=accelerator,
        devices=chosen,
        num_nodes=num_nodes,
        strategy=strategy,
        sync_batchnorm=sync_batchnorm,
        plugins=[WholeFiles(), _environment()],
        accumulate_grad_batches=accumulate,
        gradient_clip_val=clip,
        check_val_every_n_epoch=validate_every,
        limit_train_batches=limit_train_batches,
        logger=list(loggers) or False,
        callbacks=[
            EpochMeans(),
            LearningRates(),
            NetworkFormat(channels_last, compile),
            FastSteps(tf32, autotune, fused),
            StepSeed(seed),
            FiniteLoss(),
            *([WeightAverage(ema)] if ema else []),
            *run_callbacks,
            *(callbacks or {}).values(),
            *([_best(best, run_dir)] if best else []),
            Checkpoints(run_dir, checkpoint_minutes, signals),
        ],
        num_sanity_val_steps=0,
        enable_model_summary=False,
        use_distributed_sampler=False,
        log_every_n_steps=1,
    )


def _best(best: Mapping[str, Any], run_dir: Path) -> BestCheckpoint:
    """
    Raises:
        UserError: `trainer.best` is not {metric, mode}.
    """
    if (
        not isinstance(best.get("metric"), str)
        or best.get("mode", "max") not in ("max", "min")
        or len(best) > 2
    ):
        raise UserError(
            "trainer.best: must be {metric: NAME, mode: max or min}, e.g. {metric: val/AUC, mode: max}"
        )
    return BestCheckpoint(best["metric"], "min" if best.get("mode") == "min" else "max", run_dir)


def connect_processes(settings: Mapping[str, Any]) -> None:
    """Join torch's default process group, as the run's own trainer will: its devices, its backend.

    Args:
        settings: the config's `trainer`.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    trainer = pl.Trainer(
        accelerator=settings.get("accelerator", "auto"),
        devices=settings.get("devices", 1),
        num_nodes=settings.get("num_nodes", 1),
        strategy=settings.get("strategy", "auto"),
        plugins=[_environment()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.strategy.setup_environment()


def _environment() -> ClusterEnvironment:
    """Who started this process: torchrun, or srun in its words (runs/processes.py), or nobody."""
    return TorchElasticEnvironment() if processes.place().size > 1 else LightningEnvironment()
