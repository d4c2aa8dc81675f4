"""Accuracy against cost: points where the figures are, no picture where there is nothing to choose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posereg.figures import canvas
from posereg.reporting import cost, html
from posereg.reporting.collect import Row, Run, Table


def table(costs: dict[str, dict[str, float]], columns: list[str], **scores: float) -> Table:
    rows = []
    for name, score in scores.items():
        result: Any = {"row": name, "seed": 0, "metrics": {columns[0]: score}, "complexity": costs[name],
                       "config": {}, "protocol": {}, "training": {}}  # fmt: skip
        rows.append(Row(name, (Run(Path(name) / "result.json", result),)))
    return Table("t", "", "", columns, rows, [], {}, (), {}, {})


COSTS = {
    "resnet50": {"params": 34e6, "macs": 5.4e9, "latency_ms": 20.0},
    "vit_small": {"params": 25e6, "macs": 6.1e9, "latency_ms": 30.0},
}


def test_points_stand_at_their_cost_and_score() -> None:
    drawn = cost.figure(table(COSTS, ["AP", "macs"], resnet50=71.8, vit_small=73.9))
    assert drawn is not None
    assert [axes.get_xlabel() for axes in drawn.axes] == [
        "multiply-adds (G)", "parameters (M)", "latency of one image (ms)",
    ]  # fmt: skip
    points = [[line.get_xydata()[0].tolist() for line in axes.get_lines()] for axes in drawn.axes]
    assert points[0] == [[pytest.approx(5.4), 71.8], [pytest.approx(6.1), 73.9]]
    assert points[2] == [[20.0, 71.8], [30.0, 73.9]]


def test_what_was_not_measured_has_no_panel() -> None:
    counted = {name: {"params": 1e6, "macs": macs} for name, macs in (("a", 1e9), ("b", 2e9))}
    drawn = cost.figure(table(counted, ["MPJPE"], a=90.0, b=80.0))
    assert drawn is not None
    (axes,) = drawn.axes  # the same parameters: nothing to choose
    assert axes.get_ylabel() == "MPJPE (lower is better)"


def test_one_network_has_no_picture() -> None:
    same = dict.fromkeys(("H1", "I1"), COSTS["resnet50"])
    assert cost.figure(table(same, ["AP"], H1=70.0, I1=71.0)) is None
    assert cost.figure(table(COSTS, ["AP"], resnet50=70.0)) is None
    assert cost.figure(table(COSTS, ["macs"], resnet50=70.0, vit_small=71.0)) is None


def test_the_page_shows_it(tmp_path: Path) -> None:
    results = table(COSTS, ["AP", "macs"], resnet50=71.8, vit_small=73.9)
    drawn = canvas.svg(cost.figure(results))
    page = html.page(results, tmp_path, {"cost": drawn})
    assert "Accuracy against cost" in page
    assert drawn in page
    assert "Accuracy against cost" not in html.page(results, tmp_path, {})
