"""Which metrics a table shows and which way they are better."""

from __future__ import annotations

from typing import Any

import pytest

from posereg.reporting import columns
from posereg.runs.results import Result


def result(**parts: Any) -> Result:
    return {"table": "a/b", "row": "x", "seed": 0, "metrics": {}, **parts}  # type: ignore[typeddict-item]


METRICS = {"AP": 60.0, "AP/medium": 50.0, "AP@0.5": 80.0}


def test_a_rows_own_columns_come_before_the_published_ones() -> None:
    paper = {"AP": 67.0, "AP@0.5": 87.0}
    assert columns.columns_of(result(metrics=METRICS, paper=paper)) == ["AP", "AP@0.5"]
    own = {"report": {"columns": ["AP@0.5"]}}
    assert columns.columns_of(result(metrics=METRICS, paper=paper, config=own)) == ["AP@0.5"]


def test_where_the_first_was_not_measured_the_totals_are_shown() -> None:
    shown = columns.columns_of(
        result(metrics={"PCK@0.2": 60.0, "PCK@0.2/Head": 70.0}, paper={"PCKh@0.5": 87.0})
    )
    assert shown == ["PCK@0.2"]
    many = {f"metric{k}": float(k) for k in range(9)}
    assert columns.columns_of(result(metrics=many)) == list(many)[:6]


def test_costs_and_speed_are_measured_figures_too() -> None:
    run = result(metrics=METRICS, complexity={"macs": 1.0}, training={"images_per_s": 3.0})
    assert all(columns.measured(run, name) for name in ("AP/medium", "macs", "images_per_s"))
    assert not columns.measured(run, "params")
    assert columns.columns_of(
        result(complexity={"params": 1}, config={"report": {"columns": ["params"]}})
    ) == ["params"]


def test_names_unite_in_the_order_of_their_first_mention() -> None:
    assert columns.united([["b", "a"], [], ["c", "b"]]) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("name", "higher"),
    [
        ("AP/medium", True), ("PCKh@0.5", True), ("images_per_s_batch1", True), ("MPJPE", False),
        ("MPJPE/Wrist", False), ("PA-MPJPE", False), ("swap", False), ("macs_paper", False), ("params", False),
    ],
)  # fmt: skip
def test_errors_and_costs_are_better_lower(name: str, higher: bool) -> None:
    assert columns.higher_is_better(name) is higher


def test_an_evaluator_says_itself_of_what_less_is_better():
    said = columns.said_lower([{"lower_is_better": ["dips"]}, {}])
    assert not columns.higher_is_better("dips", said)
    assert not columns.higher_is_better("dips/nose", said)
    assert columns.higher_is_better("dips")
    assert columns.higher_is_better("dipstick", said)
    assert not columns.higher_is_better("MPJPE/arm", said)
