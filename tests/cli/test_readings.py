"""posereg readings: a line for each checkpoint and way of reading, the same in the CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from posereg import config as configs
from posereg.cli import readings
from posereg.cli.program import invoke
from posereg.errors import UserError
from posereg.train import train
from tiny import data_set, overrides


def checkpoint(folder: Path, row: str) -> str:
    given = overrides("mpii", folder, f"method={row}", "input_size=[64,64]", "input_scale=1")
    config = configs.compose(given)
    train(config, given)
    return str(Path(config.run_dir))


def test_a_line_for_every_way_of_reading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = checkpoint(tmp_path / "runs", "H1")
    out = tmp_path / "new" / "readings.csv"
    words = [
        f"checkpoint={run}",
        "data=synthetic",
        f"data.root={data_set('mpii')}",
        "betas=2,5",
        f"out={out}",
    ]
    assert invoke(["readings", *words]) == 0
    printed = capsys.readouterr().out
    assert "the maps of training people fit beta" in printed
    head, *lines = csv.reader(out.open())
    assert head == ["maps", "read by", "PCKh@0.5", "PCKh@0.1", "AUC", "easiest", "pull"]
    ways = [way for _, way, *_ in lines]
    assert {"argmax", "DARK, sigma 1", "expectation, beta 2", "expectation, beta 5"} <= set(ways)
    assert len(ways) in (5, 6)  # the fitted temperature may be one of the others; and about the maximum
    assert all(way in printed and maps == "H1" for maps, way, *_ in lines)
    kept = list(csv.reader((Path(run) / "readings.csv").open()))
    assert kept == [line[1:] for line in (head, *lines)]


def test_two_runs_of_one_row_keep_their_own_names() -> None:
    assert readings._names({"runs/H1": "H1", "runs/I1": "I1"}) == {"runs/H1": "H1", "runs/I1": "I1"}
    rows = {"H1/seed0": "H1", "H1/seed1": "H1", "a.safetensors": "", "b.safetensors": "I1"}
    assert list(readings._names(rows).values()) == ["H1/seed0", "H1/seed1", "a.safetensors", "I1"]


def test_what_has_no_maps_is_refused(tmp_path: Path) -> None:
    run = checkpoint(tmp_path / "runs", "R1")
    with pytest.raises(UserError, match="R1 has no heat maps that could be read"):
        invoke(["readings", f"checkpoint={run}", "data=synthetic", f"data.root={data_set('mpii')}"])
