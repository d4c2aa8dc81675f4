"""A run's folder, identity and state on disk, by which a sweep skips, resumes and sums up runs."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from posereg.errors import UserError
from posereg.files import read_object, write_json
from posereg.settings.hardware import device_count

# The files of a run.
STATUS, CONFIG, RESULT = "status.json", "config.json", "result.json"
CHECKPOINT, CHECKPOINT_BEFORE, BEST = "last.ckpt", "last-1.ckpt", "best.ckpt"
PREDICTIONS, EVALUATION, METRICS = "predictions.npz", "evaluation.npz", "metrics.csv"
READINGS = "readings.csv"  # of `posereg readings`
LOG = "log.txt"  # what a run of a sweep prints

# What flock says where it is not supported, or where the network file system's lock service is down.
NO_FLOCK = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL}

# Keys that name a run or say where it runs; they do not change its numbers.
NOT_IDENTITY = (
    "hydra",
    "logger",
    "runs",
    "run_dir",
    "paper",
    "report",
    "quiet",
    "tags",
    "compare_to",
    "overwrite",
)
NOT_IDENTITY_TRAINER = (
    "accelerator",
    "devices",
    "num_nodes",
    "strategy",
    "compile",
    "tf32",
    "autotune",
    "fused",
    "progress",
    "checkpoint_minutes",
    "best",
)
LATER_TRAINER = ("callbacks", "sync_batchnorm")  # settings whose default leaves earlier runs what they are
# The source is `data`, once more, and scales and convention are the method's.
NOT_IDENTITY_LOADER = ("source", "workers", "preload", "pin_memory", "scales", "convention")


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resolved config that decides the run's numbers."""
    kept = {k: v for k, v in config.items() if k not in NOT_IDENTITY}
    for group, names in (("trainer", NOT_IDENTITY_TRAINER), ("loader", NOT_IDENTITY_LOADER)):
        if isinstance(kept.get(group), Mapping):
            kept[group] = {k: v for k, v in kept[group].items() if k not in names}
    loader, given = kept.get("loader"), config.get("trainer")
    if isinstance(loader, dict) and isinstance(given, Mapping) and isinstance(loader.get("batch_size"), int):
        # One step's images, not one device's: a run may go on with another number of devices.
        loader["batch_size"] *= device_count(given) * int(given.get("num_nodes", 1))
    if isinstance(loader, dict) and "cache" in loader:
        # Where the cut-out people lie decides nothing, that they are cut out does.
        kept["loader"] = {k: bool(v) if k == "cache" else v for k, v in loader.items() if v or k != "cache"}
    trainer = kept.get("trainer")
    if isinstance(trainer, dict):
        kept["trainer"] = {k: v for k, v in trainer.items() if v or k not in LATER_TRAINER}
    return kept


def config_hash(config: Mapping[str, Any]) -> str:
    """First 12 hex digits of the SHA-256 of the identity; keys in any order."""
    text = json.dumps(identity(config), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def run_dir(config: Mapping[str, Any]) -> Path:
    """The folder of this run, from the resolved config's `run_dir`."""
    return Path(config["run_dir"])


def read_status(folder: Path | str) -> dict[str, Any] | None:
    """The run's status.json, or None when it never started.

    Raises:
        UserError: a damaged or foreign file.
    """
    path = Path(folder) / STATUS
    if not path.exists():
        return None
    status = read_object(path, "the status.json of a run")
    if not isinstance(status.get("state"), str):
        raise UserError(f"{path}: not the status.json of a run ('state' is missing); delete it to start over")
    return status


def write_status(folder: Path | str, state: str, **more: Any) -> None:
    """`state` is running, done, failed or interrupted (by a signal); `more` (config_hash, error, seconds) is kept
    beside it."""
    write_json(Path(folder) / STATUS, {"state": state, "time": time.time(), "pid": os.getpid(), **more})


def is_done(folder: Path | str, digest: str) -> bool:
    """Finished under the same config hash, with its result on disk."""
    status = read_status(folder)
    done = status is not None and status["state"] == "done" and status.get("config_hash") == digest
    return done and (Path(folder) / RESULT).exists()


def holds_work(folder: Path | str) -> bool:
    """Whether there is anything in a run's folder that took time to compute."""
    return any((Path(folder) / name).exists() for name in (RESULT, CHECKPOINT))


@contextmanager
def lock(folder: Path | str, patience: float = 86400.0) -> Iterator[bool]:
    """Hold the folder's lock; yields True if another process held it first, so that the caller checks again whether
    the run is done.

    The lock goes with the process that holds it, however that ends. On file systems without flock (some network
    ones) it is a file that names its process; one left behind by a dead process of this machine is taken over.

    Raises:
        UserError: the folder cannot be written, or another process held on for `patience` seconds.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held, waited = _acquire(folder / ".lock", folder, patience)
    except filelock.Timeout:
        raise UserError(f"{folder} stayed locked by another process for {patience:.0f} s") from None
    except OSError as error:
        raise UserError(f"cannot lock {folder}: {error.strerror or error}") from error
    try:
        yield waited
    finally:
        held.release()


def _acquire(path: Path, folder: Path, patience: float) -> tuple[filelock.BaseFileLock, bool]:
    """The lock, and whether it had to be waited for."""
    kind: type[filelock.BaseFileLock] = filelock.FileLock
    while True:
        held = kind(path)
        try:
            try:
                held.acquire(blocking=False)
                return held, False
            except filelock.Timeout:
                print(f"waiting for the run in {folder}, which another process is training", flush=True)
                held.acquire(timeout=patience, poll_interval=1.0)
                return held, True
        except OSError as error:
            if kind is filelock.SoftFileLock or error.errno not in NO_FLOCK:
                raise
            kind, path = filelock.SoftFileLock, path.with_name(".lock-file")
