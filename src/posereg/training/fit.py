"""Training to the end from wherever a run stands, and the validation that its result comes from."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from posereg.errors import UserError
from posereg.networks.backbone import refused
from posereg.runs.processes import say
from posereg.runs.siblings import config_name
from posereg.settings.places import config_roots
from posereg.training import checkpoint_files
from posereg.training.callbacks import NotFiniteError
from posereg.training.checkpoint_files import SECTION
from posereg.training.checkpoints import Checkpoints, Position, restore_rows

LR = "method.optimizer.lr"


@dataclass(frozen=True)
class Progress:
    """What training has come to: where it ended, and the seconds it took, those of interrupted attempts included."""

    position: Position
    seconds: float = 0.0


def fit(
    trainer: pl.Trainer, module: Any, data: pl.LightningDataModule, saved: tuple[Path, dict[str, Any]] | None
) -> Progress:
    """Train to the end, from the checkpoint `saved` if there is one.

    Raises:
        UserError: the loss or a weight became NaN or infinite, and the message says how to go on; or the backbone does
            not take images of the run's size.
    """
    if saved is not None:
        path, content = saved
        section = content[SECTION]
        position = Position(**section["position"])
        if position.finished:
            module.load_state_dict(content["state_dict"])
            module.on_load_checkpoint(content)
            restore_rows(trainer.loggers, section)
            return Progress(position, section["seconds"])
        say(f"going on from {path}: epoch {position.epoch + 1}, batch {position.batch}, step {position.step}")
    (checkpoints,) = (callback for callback in trainer.callbacks if isinstance(callback, Checkpoints))  # type: ignore[attr-defined]
    try:
        trainer.fit(module, datamodule=data, ckpt_path=saved and str(saved[0]), weights_only=True)
    except NotFiniteError as error:
        raise UserError(f"{error}; {_way_out(module, checkpoints)}") from error
    except (AssertionError, RuntimeError, ValueError) as error:
        # Asked only now: it would cost every start as much as an image.
        reason = refused(module.network, module.input_size) if trainer.global_step == 0 else None
        if reason is None:
            raise
        raise UserError(reason) from error
    return Progress(checkpoints.position, checkpoints.seconds)


def validate(trainer: pl.Trainer, module: Any, data: pl.LightningDataModule, progress: Progress) -> None:
    """The module's predictions of the validation people with its present weights: those of the last epoch's
    validation where that looked at the same weights, else computed now."""
    position, unfinished = progress.position, module.unfinished()
    if position.validated and not unfinished and module.everyone() is not None:
        return
    loggers = trainer.loggers
    if position.validated:  # the figures are in the logs already
        trainer.loggers = []
    trainer.validate(module, datamodule=data, verbose=False)
    trainer.loggers = loggers
    if position.finished and unfinished and trainer.is_global_zero:
        path = Path(next(c for c in trainer.callbacks if isinstance(c, Checkpoints)).path)  # type: ignore[attr-defined]
        checkpoint_files.replace_weights(path, module.state_dict())


def _way_out(module: Any, checkpoints: Checkpoints) -> str:
    """What to do about a training that leaves the finite numbers; the same command would do the same again."""
    rate = module.plain_config["method"]["optimizer"]["lr"] / 2
    step, path = checkpoints.position.step, checkpoints.path
    if step == 0:
        return f"there is no checkpoint before; try\n  {_command(module.overrides, {LR: f'{rate:g}'})}"
    changed = {LR: f"{rate:g}", "init_weights": str(path), "run_dir": f"{path.parent}-retry"}
    return (
        f"{path.name} holds the state of step {step}, which is good; to train from its weights at half the learning "
        f"rate:\n  {_command(module.overrides, changed)}"
    )


def _command(overrides: Sequence[str], changed: Mapping[str, str]) -> str:
    """The run's command with other values of some keys, and with the folders that its configs are from."""
    kept = [text for text in overrides if text.partition("=")[0].lstrip("+") not in changed]
    folders = [f"--config-dir={folder}" for folder in config_roots()[:-1]]
    name = [] if config_name() == "train" else [f"--config-name={config_name()}"]
    new = [f"{key}={_quoted(value)}" for key, value in changed.items()]
    return shlex.join(["posereg", "train", *folders, *name, *kept, *new])


def _quoted(value: str) -> str:
    """A value as Hydra's grammar reads it: in quotes where it holds more than letters, digits and `./_-`."""
    if re.fullmatch(r"[\w./-]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
