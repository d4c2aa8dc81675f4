"""Collecting result files: means, spread, deltas with intervals, and the refusal to mix protocols."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import numpy as np
import pytest

from posereg.errors import UserError
from posereg.reporting.collect import Table, collect, selection
from posereg.reporting.curves import against_paper
from posereg.reporting.table import figures, headings, remarks
from posereg.runs import results
from reporting import made

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs")
    made.table2(folder, people=60, seeds=2)
    return folder


@pytest.fixture(scope="module")
def table(runs: Path) -> Table:
    return collect("integral/table2", runs, EXPERIMENTS)


def edit(path: Path, **protocol: object) -> None:
    result = json.loads(path.read_text())
    result["protocol"].update(protocol)
    path.write_text(json.dumps(result))


def test_mean_and_spread_over_seeds(table: Table, runs: Path) -> None:
    values = [
        results.read(runs / f"synthetic/integral/table2/H1/seed{s}/result.json")["metrics"]["AUC"]
        for s in (0, 1)
    ]
    row = table.row("H1")
    assert row is not None
    assert row.seeds == [0, 1]
    assert row.mean("AUC") == pytest.approx(sum(values) / 2)
    assert row.spread("AUC") == pytest.approx(statistics.stdev(values))
    assert row.to_paper("AUC") == pytest.approx(sum(values) / 2 - 52.9)
    assert row.mean("MPJPE") is None


def test_rows_come_in_published_order_with_their_counterparts(table: Table) -> None:
    assert [row.name for row in table.rows] == ["H1", "H2", "H3", "R1", "I1", "I2", "I3", "I_star"]
    assert table.columns == ["PCKh@0.5", "PCKh@0.1", "AUC"]
    assert {name for name, _ in table.deltas} == {"I1", "I2", "I3", "I_star"}
    delta = table.deltas["I_star", "AUC"]
    assert delta.against == "R1"
    better, worse = table.row("I_star"), table.row("R1")
    assert better is not None
    assert worse is not None
    assert delta.value == pytest.approx((better.mean("AUC") or 0) - (worse.mean("AUC") or 0))


def test_a_clear_difference_is_marked_and_none_is_not(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 80)
    for row, error in (("H1", 6.0), ("I1", 3.0), ("H2", 5.0), ("I2", 5.0)):
        for seed in (0, 1):
            made.run(tmp_path, row, seed, error, truth)
    table = collect("integral/table2", tmp_path, EXPERIMENTS)
    clear, none = table.deltas["I1", "AUC"], table.deltas["I2", "AUC"]
    assert clear.significant
    assert clear.low is not None
    assert clear.high is not None
    assert clear.low <= clear.value <= clear.high
    assert not none.significant


def test_no_interval_without_the_raw_material(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 20)
    for row in ("H1", "I1"):
        (made.run(tmp_path, row, 0, 4.0, truth).parent / "evaluation.npz").unlink()
    delta = collect("integral/table2", tmp_path, EXPERIMENTS).deltas["I1", "AUC"]
    assert delta.low is None
    assert not delta.significant


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("flip_test", True),
        ("annotation_hash", "ff"),
        ("box_source", "detector"),
        ("images", 3),
        ("metric_version", "x"),
    ],
)
def test_two_protocols_are_refused_by_key_and_file(tmp_path: Path, key: str, value: object) -> None:
    truth = made.poses(tmp_path / "data", 10)
    made.run(tmp_path, "H1", 0, 4.0, truth)
    other = made.run(tmp_path, "I1", 0, 4.0, truth)
    edit(other, **{key: value})
    with pytest.raises(UserError) as refused:
        collect("integral/table2", tmp_path)
    assert key in str(refused.value)
    assert str(other) in str(refused.value)


def test_a_table_may_vary_one_key_on_purpose(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 10)
    made.run(tmp_path, "H1", 0, 4.0, truth)
    edit(made.run(tmp_path, "I1", 0, 4.0, truth), input_size=[128, 128])
    place = tmp_path / "experiments/integral/table2"
    place.mkdir(parents=True)
    with pytest.raises(UserError, match="input_size"):
        collect("integral/table2", tmp_path, tmp_path / "experiments")
    (place / "table.toml").write_text('varies = ["input_size"]\n')
    table = collect("integral/table2", tmp_path, tmp_path / "experiments")
    assert table.differing["input_size"] == {"H1": [256, 256], "I1": [128, 128]}


def test_what_does_not_decide_the_number_may_differ_and_is_told(table: Table) -> None:
    assert table.differing["score_rule"]["H1"] == "max"
    assert table.shared["dataset"] == "synthetic"


def test_seeds_of_a_row_must_share_their_configuration(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 10)
    made.run(
        tmp_path,
        "H1",
        0,
        4.0,
        truth,
        config={"lr": 0.1, "loader": {"seed": 0}, "data": {"name": "x", "root": "/a"}},
    )
    made.run(
        tmp_path,
        "H1",
        1,
        4.0,
        truth,
        config={"lr": 0.1, "loader": {"seed": 1}, "data": {"name": "x", "root": "/b"}},
    )
    assert collect("integral/table2", tmp_path).row("H1") is not None
    made.run(tmp_path, "H1", 2, 4.0, truth, config={"lr": 0.2, "data": {"name": "x", "root": "/a"}})
    with pytest.raises(UserError, match=r"row H1.*config lr is 0\.1 .*0\.2"):
        collect("integral/table2", tmp_path)


def test_nothing_there_is_one_clear_line(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'integral/table2'"):
        collect("integral/table22", runs)
    with pytest.raises(UserError, match=r"no result\.json below it"):
        collect("integral/table2", tmp_path)
    with pytest.raises(UserError, match="on data=mpii"):
        collect("integral/table2", runs, data="mpii")


def test_undefined_metrics_are_left_out(tmp_path: Path) -> None:
    path = made.run(tmp_path, "H1", 0, 4.0, made.poses(tmp_path / "data", 10))
    result = json.loads(path.read_text())
    result["metrics"].update({"AUC": None, "PCKh@0.1": float("nan")})
    path.write_text(json.dumps(result))
    row = collect("integral/table2", tmp_path).row("H1")
    assert row is not None
    assert row.mean("AUC") is None
    assert row.mean("PCKh@0.1") is None
    assert np.isfinite(row.mean("PCKh@0.5") or np.nan)


def test_rows_not_run_stay_in_the_table(tmp_path: Path) -> None:
    made.run(tmp_path, "H1", 0, 4.0, made.poses(tmp_path / "data", 10))
    table = collect("integral/table2", tmp_path, EXPERIMENTS)
    assert len(table.rows) == 8
    assert [row.name for row in table.run_rows] == ["H1"]
    missing = table.row("I1")
    assert missing is not None
    assert missing.paper["AUC"] == 58.3


def test_on_other_people_the_papers_gain_stands_beside_ours(table: Table, tmp_path: Path) -> None:
    assert (table.shared["dataset"], table.papers_data) == ("synthetic", "mpii")
    assert [parts for _, parts in headings(table)] == 3 * [["ours", "paper", "Δ pair", "paper's Δ"]]
    row = table.row("I1")
    assert row is not None
    assert figures(table, row, "AUC")["paper's Δ"] == "+5.4"  # 58.3 less H1's 52.9
    first = table.row("H1")
    assert first is not None
    assert figures(table, first, "AUC")["paper's Δ"] == ""
    (line,) = [line for line in remarks(table) if "published" in line]
    assert line.startswith("The published numbers are of mpii, ours of synthetic")


def test_on_the_papers_people_ours_are_compared_with_the_papers(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 10)
    for row, error in (("H1", 4.0), ("I1", 3.0)):
        edit(made.run(tmp_path, row, 0, error, truth), dataset="mpii")
    table = collect("integral/table2", tmp_path, EXPERIMENTS)
    assert table.papers_data == ""
    assert [parts for _, parts in headings(table)] == 3 * [["ours", "paper", "Δ paper", "Δ pair"]]
    assert not [line for line in remarks(table) if "published" in line]


def test_published_numbers_of_another_metric_are_shown_but_not_compared(tmp_path: Path) -> None:
    path = made.run(tmp_path, "H1", 0, 4.0, made.poses(tmp_path / "data", 10))
    result = json.loads(path.read_text())
    result["metrics"] = {"PCK@0.2": 60.0, "PCK@0.2/Head": 70.0, "AUC": 40.0}
    path.write_text(json.dumps(result))
    table = collect("integral/table2", tmp_path, EXPERIMENTS)
    assert table.columns == ["PCK@0.2", "AUC"]
    assert table.published == ["PCKh@0.5", "PCKh@0.1", "AUC"]
    assert [parts for _, parts in headings(table)] == [["ours"], ["ours"], *3 * [["published"]]]
    assert against_paper(table) is None


def test_any_runs_side_by_side(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 10)
    made.run(tmp_path, "H1", 0, 4.0, truth)
    made.run(tmp_path, "I1", 0, 3.0, truth)
    other = made.run(tmp_path, "H1", 0, 5.0, truth, table="integral/table4")
    table = selection([tmp_path, other.parent])
    assert {row.name: len(row.runs) for row in table.rows} == {
        "integral/table2 H1": 1,
        "integral/table4 H1": 1,
        "I1": 1,
    }
    edit(other, flip_test=True)
    with pytest.raises(UserError, match="flip_test"):
        selection([tmp_path])
