"""The loggers of a run: metrics.csv always, Weights & Biases or TensorBoard on request."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from posereg.errors import UserError, nearest
from posereg.runs import metrics_csv
from posereg.runs.folder import CHECKPOINT, METRICS
from posereg.settings.logger import LOGGERS

if TYPE_CHECKING:
    from posereg.records.poses import PoseSet
    from posereg.records.predictions import Predictions

KEYS = {name: set(keys.__annotations__) for name, keys in LOGGERS.items()}
MODES = ("auto", "online", "offline", "disabled")


class MetricsCsv(Logger):
    """metrics.csv, whole at any moment. A run that goes on starts from the rows of its checkpoint."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.rows: metrics_csv.Rows = []

    @property
    def name(self) -> str:
        """What Lightning calls this logger."""
        return "csv"

    @property
    def version(self) -> str:
        """None: a run has one metrics.csv."""
        return ""

    @property
    def save_dir(self) -> str:
        """The run's folder."""
        return str(self.path.parent)

    @rank_zero_only
    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing: the configuration has its own file, config.yaml."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add the figures to the row of that step; figures without a step stand in result.json."""
        if step is None:
            return  # final figures, which result.json holds
        if not self.rows or self.rows[-1]["step"] != step:
            self.rows.append({"step": step})
        self.rows[-1].update({name: float(value) for name, value in metrics.items()})

    @rank_zero_only
    def save(self) -> None:
        """Write all rows, whole or not at all. Before the first one there is nothing to write: a run that goes on finds
        its rows in its checkpoint a moment later."""
        if self.rows:
            metrics_csv.write(self.path, self.rows)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what has not been written."""
        self.save()


def build_loggers(logger: Mapping[str, Any], config: Mapping[str, Any], run_dir: Path) -> list[Logger]:
    """The loggers of a run.

    Args:
        logger: the config's `logger` node: `name`, and what that logger takes beside it (settings/logger.py).
        config: the resolved config; `table`, `row`, `seed` and `tags` name the W&B run.
        run_dir: where everything is written.

    Raises:
        UserError: an unknown logger, key or mode, or a logger whose package is not installed.
    """
    name = str(logger.get("name"))
    if name not in KEYS:
        raise UserError(f"logger.name: no logger '{name}'{nearest(name, KEYS)}")
    for key in logger:
        if key not in KEYS[name]:
            raise UserError(f"logger.{key}: no such key for logger={name}{nearest(key, KEYS[name])}")
    loggers: list[Logger] = [MetricsCsv(run_dir / METRICS)]
    if name == "wandb":
        loggers.append(_wandb(logger, config, run_dir))
    elif name == "tensorboard":
        loggers.append(_tensorboard(config, run_dir))
    return loggers


def finish(loggers: Sequence[Logger], exit_code: int) -> None:
    """Write what has not been written, and close the W&B run of this process as finished (0) or failed."""
    from pytorch_lightning.loggers import WandbLogger

    for logger in loggers:
        if not isinstance(logger, WandbLogger):
            logger.finalize("success" if exit_code == 0 else "failed")
            continue
        import wandb

        if wandb.run is not None:
            wandb.finish(exit_code=exit_code)


@rank_zero_only
def log_pictures(
    loggers: Sequence[Logger], name: str, pictures: Sequence[NDArray[np.uint8]], captions: Sequence[str] = ()
) -> None:
    """Example pictures (H, W, 3) RGB under one name; loggers without pictures skip them."""
    from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger

    more: dict[str, Any] = {"caption": list(captions)} if captions else {}
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(name, list(pictures), **more)
        elif isinstance(logger, TensorBoardLogger):
            for k, picture in enumerate(pictures):
                logger.experiment.add_image(f"{name}/{k}", picture, dataformats="HWC")


@rank_zero_only
def log_examples(loggers: Sequence[Logger], poses: PoseSet, predictions: Predictions, count: int = 8) -> None:
    """Example people, ground truth beside prediction, to loggers that take pictures; free when there are none.

    Nothing is drawn of 3D poses, nor of people that the method found itself, who are not those of `poses`.
    """
    if all(isinstance(logger, MetricsCsv) for logger in loggers):
        return
    if predictions.keypoints.shape[-1] != 2 or (predictions.ids < 0).any():
        return
    from posereg.figures.people import gallery

    examples = gallery(poses, {"prediction": predictions}, count)
    pictures = [np.concatenate([picture for _, picture in example.tiles], axis=1) for example in examples]
    captions = [f"{poses.ids[e.person]}: {e.errors['prediction']:.1f} % of the box" for e in examples]
    log_pictures(loggers, "examples", pictures, captions)


def wandb_mode(mode: str = "auto") -> str:
    """online or offline: what `mode` says, else WANDB_MODE, else online only for a user who is logged in.

    Raises:
        UserError: an unknown mode.
    """
    if mode not in MODES:
        raise UserError(f"logger.mode: no mode '{mode}'{nearest(mode, MODES)}")
    if mode != "auto":
        return mode
    return os.environ.get("WANDB_MODE") or ("online" if _logged_in() else "offline")


def _logged_in() -> bool:
    """Whether credentials lie where W&B looks for them; reads no network."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    import netrc
    from urllib.parse import urlparse

    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    named = os.environ.get("NETRC")
    files = [Path(named)] if named else [Path.home() / name for name in (".netrc", "_netrc")]
    for file in files:
        try:
            if netrc.netrc(str(file)).hosts.get(host):
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False


def _tensorboard(config: Mapping[str, Any], run_dir: Path) -> Logger:
    from pytorch_lightning.loggers import TensorBoardLogger

    try:
        result = TensorBoardLogger(run_dir, name=None, version="tensorboard", default_hp_metric=False)
    except ModuleNotFoundError as error:
        raise UserError(
            "logger=tensorboard needs the package tensorboard: pip install 'posereg[tensorboard]'"
        ) from error
    result.log_hyperparams(dict(config))  # written beside the events
    return result


def _wandb(logger: Mapping[str, Any], config: Mapping[str, Any], run_dir: Path) -> Logger:
    from pytorch_lightning.loggers import WandbLogger

    mode = wandb_mode(str(logger.get("mode") or "auto"))
    os.environ.setdefault("WANDB_SILENT", "true")
    result = WandbLogger(
        name=f"{config['row']}-s{config['seed']}",
        save_dir=str(run_dir),
        project=logger.get("project") or "posereg",
        entity=logger.get("entity"),
        id=_run_id(run_dir),
        offline=mode == "offline",
        group=wandb_group(str(config["data"]["name"]), config.get("table")),
        job_type=str(config["row"]),
        tags=[str(tag) for tag in config.get("tags") or []],
        config=dict(config),
        mode=mode,
        resume=None if mode == "offline" else "allow",
    )
    result._wandb_init.pop("anonymous", None)  # W&B warns of it, even unset
    _ = result.experiment  # open it now, so that a run that fails early is there too
    return result


def wandb_group(data: str, table: str | None) -> str:
    """The W&B group of a table's runs on one data set, `mpii/integral/table2`, as below a folder of runs."""
    return f"{data}/{table}" if table else data


def _run_id(run_dir: Path) -> str:
    """The W&B id of this training run: kept beside the checkpoint, so that a resumed run goes on in the same one."""
    import secrets

    file = run_dir / "wandb_id.txt"
    if (run_dir / CHECKPOINT).exists() and file.exists():
        return file.read_text(encoding="utf-8").strip()
    identity = secrets.token_hex(4)
    run_dir.mkdir(parents=True, exist_ok=True)
    file.write_text(identity + "\n", encoding="utf-8")
    return identity
