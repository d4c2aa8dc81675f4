"""metrics.csv: a run's training curves, one row a step, whole at any moment and kept across resumptions."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from posereg.files import whole_file


class MetricsCsv(Logger):
    """Lightning logger. A resumed run goes on below the rows it had; what it trains again replaces the old rows."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.rows = read(path)
        self._resumed = bool(self.rows)

    @property
    def name(self) -> str:
        return "csv"

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        return str(self.path.parent)

    @rank_zero_only
    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the configuration has a file of its own."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if step is None:
            step = int(self.rows[-1]["step"]) if self.rows else 0
        elif self._resumed:
            self.rows = [row for row in self.rows if row["step"] < step]
            self._resumed = False
        if not self.rows or self.rows[-1]["step"] != step:
            self.rows.append({"step": step})
        self.rows[-1].update({name: float(value) for name, value in metrics.items()})

    @rank_zero_only
    def save(self) -> None:
        columns = list(dict.fromkeys(["epoch", "step", *(name for row in self.rows for name in row)]))
        with whole_file(self.path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows({name: _short(value) for name, value in row.items()} for row in self.rows)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        if self.rows:
            self.save()


def read(path: Path | str) -> list[dict[str, float]]:
    """The rows of a metrics.csv, each with the columns it has; none if there is no file."""
    try:
        with open(path, newline="") as file:
            return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []


def series(
    rows: list[dict[str, float]], name: str, against: str = "epoch"
) -> tuple[list[float], list[float]]:
    """One curve: the finite values of a column and where they stand."""
    points = [(row[against], row[name]) for row in rows if name in row and against in row]
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    return [x for x, _ in finite], [y for _, y in finite]


def _short(value: float) -> str:
    value = float(value)
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.7g}"
