"""metrics.csv: what is written is read again, and curves leave out what is not there."""

import csv
import math
from pathlib import Path

import pytest

from posereg.errors import UserError
from posereg.runs import metrics_csv

ROWS: metrics_csv.Rows = [
    {"step": 3, "train/loss": 0.123456789, "epoch": 0},
    {"step": 7, "train/loss": math.nan, "epoch": 1, "val/AUC": 55.0},
    {"step": 11, "train/loss": 1e-12, "epoch": 2, "val/AUC": 60.25},
]


def test_rows_survive_the_file(tmp_path: Path) -> None:
    metrics_csv.write(tmp_path / "m.csv", ROWS)
    with open(tmp_path / "m.csv", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["epoch", "step", "train/loss", "val/AUC"]
    assert lines[1] == ["0", "3", "0.1234568", ""]
    read = metrics_csv.read(tmp_path / "m.csv")
    assert [set(row) for row in read] == [set(row) for row in ROWS]
    assert read[2]["train/loss"] == pytest.approx(1e-12)
    assert math.isnan(read[1]["train/loss"])


def test_a_curve_has_the_finite_values_where_they_stand() -> None:
    assert metrics_csv.series(ROWS, "val/AUC") == ([1, 2], [55.0, 60.25])
    assert metrics_csv.series(ROWS, "train/loss", "step") == ([3, 11], [0.123456789, 1e-12])
    assert metrics_csv.series(ROWS, "nothing") == ([], [])
    assert metrics_csv.series([{"val/AUC": 1.0}], "val/AUC") == ([], [])


def test_no_file_has_no_rows_and_a_foreign_one_is_named(tmp_path: Path) -> None:
    assert metrics_csv.read(tmp_path / "absent.csv") == []
    metrics_csv.write(tmp_path / "empty.csv", [])
    assert metrics_csv.read(tmp_path / "empty.csv") == []
    (tmp_path / "other.csv").write_text("epoch,loss\n1,low\n")
    with pytest.raises(UserError, match=r"other\.csv: not a posereg metrics\.csv"):
        metrics_csv.read(tmp_path / "other.csv")
