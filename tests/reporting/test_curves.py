"""Curves hold the means of the runs they are drawn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posereg.reporting import curves
from posereg.reporting.collect import Table, collect
from reporting import made

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder: Path = tmp_path_factory.mktemp("runs")
    made.table2(folder, people=40, seeds=2)
    return collect("integral/table2", folder, EXPERIMENTS)


def test_curves_are_means_over_seeds(table: Table) -> None:
    drawn = curves.row_curves(table)
    row = table.row("I1")
    assert row is not None
    both = [run.result["curve"]["values"] for run in row.runs]
    assert drawn["I1"][1] == pytest.approx([(a + b) / 2 for a, b in zip(*both, strict=True)])
    figure = curves.accuracy_curves(drawn, curves.styles(table.run_rows))
    lines = figure.axes[0].get_lines()
    assert len(lines) == 8
    assert lines[0].get_ydata()[-1] == pytest.approx(table.row("H1").mean("PCKh@0.5"))  # type: ignore[union-attr]


def test_pairs_share_a_colour_and_others_do_not(table: Table) -> None:
    look = curves.styles(table.run_rows)
    for row, base in made.PAIRS.items():
        assert look[row].color == look[base].color
        assert look[row].dash != look[base].dash
    assert len({style.color for style in look.values()}) == 4


def test_a_row_with_a_run_without_a_curve_has_none(table: Table) -> None:
    row = table.run_rows[0]
    bare = replace(row.runs[0], result={**row.runs[0].result, "curve": {}})
    changed = replace(table, rows=[replace(row, runs=(bare, *row.runs[1:])), *table.run_rows[1:]])
    assert set(curves.row_curves(changed)) == set(curves.row_curves(table)) - {row.name}


def test_more_rows_than_colours_still_have_lines(table: Table) -> None:
    rows = [
        replace(table.run_rows[0], name=f"row{k}", compare_to=None) for k in range(2 * len(curves.COLORS) + 1)
    ]
    assert set(curves.styles(rows)) == {row.name for row in rows}


def test_dots_are_ours_and_rings_the_papers_on_one_line_a_row(table: Table) -> None:
    figure = curves.against_paper(replace(table, papers_data=""))
    assert [axes.get_title(loc="left") for axes in figure.axes] == table.columns
    axes, column = figure.axes[1], table.columns[1]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [row.name for row in table.run_rows]
    big = [line for line in axes.get_lines() if line.get_markersize() == 7 and line.get_marker() == "o"]
    rings = {
        line.get_ydata()[0]: line.get_xdata()[0] for line in big if line.get_markerfacecolor() == "white"
    }
    dots = {line.get_ydata()[0]: line.get_xdata()[0] for line in big if line.get_markerfacecolor() != "white"}
    for place, row in enumerate(table.run_rows):
        assert rings[place] == row.paper[column]
        assert dots[place] == pytest.approx(row.mean(column))


def test_nothing_is_set_against_a_paper_that_was_measured_otherwise(table: Table) -> None:
    assert curves.against_paper(replace(table, papers_data="", published=["PCKh@0.5"])) is None
    assert curves.against_paper(replace(table, papers_data="mpii")) is None
    assert curves.against_paper(replace(table, rows=[replace(row, paper={}) for row in table.rows])) is None


def test_training_curves_average_the_seeds_that_got_to_an_epoch(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 10)
    for seed, losses in ((0, (0.4, 0.2, 0.1)), (1, (0.2, 0.1))):
        path = made.run(tmp_path, "H1", seed, 4.0, truth)
        lines = [f"{epoch},{loss}" for epoch, loss in enumerate(losses)]
        (path.parent / "metrics.csv").write_text("\n".join(["epoch,train/loss", *lines]) + "\n")
    figure = curves.training_curves(collect("integral/table2", tmp_path))
    (axes,) = figure.axes
    (line,) = axes.get_lines()
    assert line.get_xdata().tolist() == [0, 1, 2]
    np.testing.assert_allclose(line.get_ydata(), [0.3, 0.15, 0.1])
    assert axes.get_yscale() == "log"
    for path in tmp_path.rglob("metrics.csv"):
        path.unlink()
    assert curves.training_curves(collect("integral/table2", tmp_path)) is None


def test_the_curves_axis_is_named_after_the_metric(table: Table) -> None:
    assert curves.metric_label(table) == "PCKh"
    assert curves.metric_label(replace(table, columns=["AUC"])) == "accuracy"
