"""metrics.csv: a run's training curves, one row per step. Light, so that reports need no Lightning."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from posereg.files import read_table, reading, whole_file

Rows = list[dict[str, float]]


def read(path: Path | str) -> Rows:
    """The rows of a metrics.csv, each with the columns it has; empty if there is no file.

    Raises:
        UserError: a damaged or foreign file.
    """
    if not Path(path).exists():
        return []
    kind = "a posereg metrics.csv"
    _, rows = read_table(path, kind)
    with reading(path, kind):
        return [{name: float(value) for name, value in row.items() if value} for row in rows]


def write(path: Path | str, rows: Rows) -> None:
    """All rows, whole or not at all; columns in order of first mention, epoch and step first."""
    columns = list(dict.fromkeys(["epoch", "step", *(name for row in rows for name in row)]))
    with (
        whole_file(path, durable=False) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({name: _short(value) for name, value in row.items()} for row in rows)


def series(rows: Rows, name: str, against: str = "epoch") -> tuple[list[float], list[float]]:
    """One curve: the finite values of a column and where they stand."""
    points = [(row[against], row[name]) for row in rows if name in row and against in row]
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    return [x for x, _ in finite], [y for _, y in finite]


def _short(value: float) -> str:
    value = float(value)
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.7g}"
