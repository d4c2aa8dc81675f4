"""The plan in words."""

import dataclasses

import pytest

from posereg.planning.plan import Plan, plan
from posereg.planning.rates import stated
from posereg.planning.sweep import planned
from posereg.planning.text import COLUMNS, cells, markdown, summary


@pytest.fixture(scope="module")
def whole():
    command = [
        "+experiments/volume/table1=avg_train",
        "data=h80k",
        "data.root=nowhere",
        "backbone=resnet18",
        "seed=0,1",
    ]
    return plan(planned([command]), stated(10), 4, 80e9)


def test_a_line_says_what_a_row_costs(whole):
    line = whole.lines[-1]
    shown = dict(zip(COLUMNS, cells(line), strict=True))
    assert shown["row"] == "avg_train"
    assert shown["runs"] == "2"
    assert shown["steps"] == (f"{line.amount.steps:,}" if line.amount.steps else "")
    assert shown["hours"] == f"{line.hours:.2g}"
    assert 0 < line.hours < 1


def test_notes_tell_what_would_fit_and_what_has_begun(whole):
    line = whole.lines[0]
    line.runs[0].state, line.runs[1].state = "begun", "done"
    tight = dataclasses.replace(line, fits=(4, 12))
    assert cells(tight)[-1].endswith("does not fit; trainer.accumulate=4 would, 12 images a pass; 1 begun")
    assert cells(tight)[COLUMNS.index("runs")] == "2, 1 done"
    assert "even one image" in cells(dataclasses.replace(line, fits=(0, 0)))[-1]


def test_markdown_has_a_cell_for_every_column(whole):
    table = markdown(whole.lines).splitlines()
    assert len(table) == 2 + len(whole.lines)
    assert {row.count("|") for row in table} == {len(COLUMNS) + 1}


def test_the_summary_names_what_the_hours_rest_on(whole):
    text = " ".join(summary(Plan(whole.lines, 4, 12.3), "10 TFLOP/s a device (stated)", 80))
    for part in ("10 TFLOP/s a device (stated)", "On 4 devices: 12.3 hours", "published"):
        assert part in text
