"""A run's folder, identity and state on disk, by which a sweep skips, resumes and sums up runs."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posereg.errors import UserError
from posereg.files import read_object, write_json

STATUS, RESULT, CHECKPOINT, PREDICTIONS = "status.json", "result.json", "last.ckpt", "predictions.npz"
EVALUATION, METRICS = "evaluation.npz", "metrics.csv"

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
NOT_IDENTITY_TRAINER = ("accelerator", "devices", "compile", "progress", "checkpoint_minutes", "resume")
NOT_IDENTITY_LOADER = ("source", "workers", "preload", "pin_memory")  # the source is `data`, once more


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resolved config that decides the run's numbers."""
    kept = {k: v for k, v in config.items() if k not in NOT_IDENTITY}
    for group, names in (("trainer", NOT_IDENTITY_TRAINER), ("loader", NOT_IDENTITY_LOADER)):
        if isinstance(kept.get(group), Mapping):
            kept[group] = {k: v for k, v in kept[group].items() if k not in names}
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
    """`state` is running, done or failed; `more` is kept beside it (config_hash, error, seconds)."""
    write_json(Path(folder) / STATUS, {"state": state, "time": time.time(), "pid": os.getpid(), **more})


def is_done(folder: Path | str, digest: str) -> bool:
    """Finished under the same config hash, with its result on disk."""
    status = read_status(folder)
    done = status is not None and status["state"] == "done" and status.get("config_hash") == digest
    return done and (Path(folder) / RESULT).exists()


@contextmanager
def lock(folder: Path | str, patience: float = 86400.0) -> Iterator[bool]:
    """Hold the folder's lock; yields True if another process held it first, so that the caller checks again whether
    the run is done.

    The lock is released when the process that holds it ends, however it ends.
    """
    import fcntl

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        waited = False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = True
            print(f"waiting for the run in {folder}, which another process is training")
            deadline = time.monotonic() + patience
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise TimeoutError(
                            f"{folder} stayed locked by another process for {patience:.0f} s"
                        ) from None
                    time.sleep(1.0)
        yield waited
