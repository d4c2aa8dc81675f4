"""The report's calibration: pooled over seeds as counted, drawn where it is, absent where runs have none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from posereg.figures import canvas
from posereg.reporting import calibration, html, report
from posereg.reporting.collect import Table, collect
from posereg.reporting.columns import higher_is_better
from reporting import made


def table(tmp_path: Path, **found: list[dict]) -> Table:
    truth = made.poses(tmp_path / "data", 10)
    for row, seeds in found.items():
        for seed, each in enumerate(seeds):
            path = made.run(tmp_path, row, seed, 4.0, truth)
            path.write_text(json.dumps(json.loads(path.read_text()) | {"calibration": each}))
    return collect("integral/table2", tmp_path)


def kept(
    ece: float, correlation: float | None, score: list[float], outcome: list[float], counts: list[int]
) -> dict:
    return {"of": "PCKh@0.5", "joints": sum(counts), "ECE": ece, "correlation": correlation, "score": score,
            "outcome": outcome, "counts": counts}  # fmt: skip


def test_seeds_are_pooled_by_their_joints(tmp_path: Path) -> None:
    seeds = [kept(10, 40, [15, 95], [10, 90], [10, 30]), kept(20, 60, [19], [30], [30])]
    found = calibration.of_row(table(tmp_path, H1=seeds).rows[0])
    assert found is not None
    assert (found["ECE"], found["correlation"]) == (15, 50)
    assert found["score"] == pytest.approx([18, 95])
    assert found["outcome"] == pytest.approx([25, 90])


def test_the_page_shows_every_row_and_marks_the_best(tmp_path: Path) -> None:
    results = table(
        tmp_path,
        H1=[kept(10, 40, [50], [60], [9])],
        I1=[kept(30, 70, [50], [20], [9])],
        R1=[kept(5, None, [100], [95], [9])],
    )
    figures = report.figures_of(results)
    lines = figures["calibration"].axes[0].get_lines()
    assert [line.get_label() for line in lines[1:]] == ["H1", "I1", "R1"]
    assert lines[2].get_xydata().tolist() == [[50.0, 20.0]]
    page = html.page(results, tmp_path, {name: canvas.svg(drawn) for name, drawn in figures.items()})
    assert '<td class="ours best">5.0</td><td class="ours">–</td>' in page
    assert '<td class="ours">30.0</td><td class="ours best">70.0</td>' in page


def test_runs_of_before_have_no_section(tmp_path: Path) -> None:
    results = table(tmp_path, H1=[kept(10, 40, [50], [60], [9]), {}])
    assert calibration.rows(results) == {}
    assert "calibration" not in report.figures_of(results)
    assert "What the scores are worth" not in html.page(results, tmp_path, {})


def test_a_calibration_error_is_better_low() -> None:
    assert not higher_is_better("confidence/ECE")
    assert higher_is_better("confidence/correlation")
