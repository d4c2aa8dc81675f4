"""result.json: the record of a finished run, which tables, reports and claims read."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import Any, TypedDict

from posereg.errors import UserError
from posereg.files import read_object, write_json
from posereg.runs.folder import RESULT

# What readers rely on: the types of a field, and whether it must be there.
TYPES: dict[str, tuple[tuple[type, ...], bool]] = {
    "table": ((str, type(None)), False),
    "row": ((str,), True),
    "seed": ((int,), True),
    "metrics": ((dict,), True),
    "intervals": ((dict,), False),
    "curve": ((dict,), False),
    "lower_is_better": ((list,), False),
    "calibration": ((dict,), False),
    "protocol": ((dict,), False),
    "paper": ((dict,), False),
    "config": ((dict,), False),
    "overrides": ((list,), False),
    "config_hash": ((str,), False),
    "training": ((dict,), False),
    "complexity": ((dict,), False),
    "learning": ((dict,), False),
    "trained_as": ((str,), False),
    "started_from": ((dict,), False),
    "files": ((dict,), False),
}
NUMBERS = ("metrics", "paper", "training")
BEGAN = {"row": str, "steps": int, "images": int}  # what started_from must hold
PACKAGES = ("posereg", "torch", "torchvision", "pytorch-lightning", "timm", "numpy", "albumentations")


class Result(TypedDict, total=False):
    """One evaluated run.

    `metrics` are in percent (or mm for MPJPE) by name, e.g. `PCKh@0.5`, `PCKh@0.5/Head`, `AUC`. `protocol`
    holds every setting that makes two numbers comparable: dataset, split, annotation_hash, images, people,
    box_source, flip_test, scales, nms, score_rule, metric, metric_version, input_size, convention, and
    `train_images`. Rows of one table column must agree on it (reporting decides which keys).
    """

    schema: int
    table: str | None  # e.g. integral/table2
    row: str
    seed: int
    metrics: dict[str, float]
    intervals: dict[str, list[float]]  # of metrics, low and high of 95 %; `posereg evaluate` writes them
    curve: dict[str, list[float]]  # thresholds, values
    lower_is_better: list[str]  # the metrics of which less is better, as their evaluator says
    calibration: dict[str, Any]  # scores against what came of them (evaluation/calibration.py)
    protocol: dict[str, Any]
    paper: dict[str, float]  # the published numbers of this row
    config_hash: str
    config: dict[str, Any]
    overrides: list[str]  # of the command line that trained it
    git_revision: str | None
    versions: dict[str, str]
    training: dict[str, float]  # epochs, steps, images, seconds, images_per_s, data_wait (share)
    learning: dict[
        str, dict[str, Any]
    ]  # the end of each curve, by its column in metrics.csv (reporting/learning.py)
    trained_as: str  # of a run that only evaluates: the row whose network it is (reporting/lineage.py)
    started_from: dict[str, Any]  # where its network stood before: row, steps, images (reporting/lineage.py)
    complexity: dict[str, Any]  # params, macs, activation_bytes, measured rates (complexity.py)
    files: dict[str, str]  # relative to the result: predictions, checkpoint, log


def versions() -> dict[str, str]:
    """Installed versions of the packages that can move a number."""
    installed = {}
    for name in PACKAGES:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def git_revision(folder: Path | str = ".") -> str | None:
    """Commit of the checkout posereg runs from, with `-dirty` if it has changes; None outside git."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def write(path: Path | str, result: Result) -> None:
    """Write a result.json, whole or not at all."""
    write_json(path, result)


def read(path: Path | str) -> Result:
    """One result.json, checked: every field that tables, reports and claims read has its type.

    Raises:
        UserError: missing or damaged file, or a field of another type.
    """
    kind = "the result.json of a run"
    content = read_object(path, kind)
    for name, (types, needed) in TYPES.items():
        if name not in content and needed:
            raise UserError(f"{path}: not {kind} ('{name}' is missing)")
        value = content.get(name)
        if (name in content and not isinstance(value, types)) or isinstance(value, bool):
            raise UserError(f"{path}: not {kind} ('{name}' is {value!r:.60})")
    if not all(isinstance(text, str) for text in content.get("overrides", [])):
        raise UserError(f"{path}: not {kind} ('overrides' holds something else than text)")
    for part in NUMBERS:
        for name, value in (content.get(part) or {}).items():
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise UserError(f"{path}: not {kind} ('{part}.{name}' is {value!r:.60}, not a number)")
    if "started_from" in content:
        for name, type_ in BEGAN.items():
            value = content["started_from"].get(name)
            if not isinstance(value, type_) or isinstance(value, bool):
                raise UserError(f"{path}: not {kind} ('started_from.{name}' is {value!r:.60})")
    result: Result = content  # type: ignore[assignment]
    return result


def find(folder: Path | str, table: str | None = None) -> list[tuple[Path, Result]]:
    """All result.json files below a folder, sorted by path, of one table if named. A damaged one is named on
    standard error and left out."""
    results = []
    for path in sorted(Path(folder).rglob(RESULT)):
        try:
            result = read(path)
        except UserError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        if table is None or result.get("table") == table:
            results.append((path, result))
    return results
