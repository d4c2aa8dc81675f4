"""The commands that a report gives train exactly the rows it shows: they are composed again here."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from posereg import config as configs
from posereg.reporting.collect import collect
from posereg.reporting.reproduce import commands
from reporting import made

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
NAME = "integral/table2"


def train(folder: Path, row: str, seed: int, *overrides: str) -> None:
    path = made.run(folder, row, seed, 4.0, made.poses(folder / "data", 10))
    result = json.loads(path.read_text())
    result["overrides"] = [f"+experiments/{NAME}={row}", *overrides, f"seed={seed}", "runs=runs/mine"]
    path.write_text(json.dumps(result))


def test_rows_of_the_same_overrides_are_one_command(tmp_path: Path) -> None:
    shared = ("data=synthetic", "data.root=data/my people", "recipe=demo", "trainer.accelerator=cpu")
    for row in made.PAPER:
        for seed in (0, 1):
            train(tmp_path, row, seed, *shared)
    (line,) = commands(collect(NAME, tmp_path, EXPERIMENTS))
    assert line == (
        "posereg train -m '+experiments/integral/table2=glob(*)' data=synthetic 'data.root=data/my people' "
        "recipe=demo trainer.accelerator=cpu seed=0,1"
    )


def test_what_was_tuned_for_one_row_is_a_command_of_its_own(tmp_path: Path) -> None:
    for row in ("H1", "I1"):
        train(tmp_path, row, 0, "recipe=demo")
    train(tmp_path, "I2", 0, "recipe=demo", "method.joint_weight=32")
    first, second = commands(collect(NAME, tmp_path, EXPERIMENTS))
    assert first == "posereg train -m +experiments/integral/table2=H1,I1 recipe=demo seed=0"
    assert second == "posereg train +experiments/integral/table2=I2 recipe=demo method.joint_weight=32 seed=0"
    config = configs.compose(shlex.split(second)[2:])
    assert (config.row, config.method.joint_weight, config.seed) == ("I2", 32, 0)


def test_a_row_without_an_experiment_keeps_its_overrides(tmp_path: Path) -> None:
    path = made.run(tmp_path, "H1", 2, 4.0, made.poses(tmp_path / "data", 10))
    result = json.loads(path.read_text())
    result["overrides"] = ["method=H1", f"table={NAME}", "row=H1", "seed=2"]
    path.write_text(json.dumps(result))
    assert commands(collect(NAME, tmp_path)) == [f"posereg train method=H1 table={NAME} row=H1 seed=2"]


def test_results_that_tell_no_overrides_name_the_data_set(tmp_path: Path) -> None:
    for row in made.PAPER:
        made.run(tmp_path, row, 0, 4.0, made.poses(tmp_path / "data", 10))
    (line,) = commands(collect(NAME, tmp_path, EXPERIMENTS))
    assert line == "posereg train -m '+experiments/integral/table2=glob(*)' data=synthetic seed=0"
