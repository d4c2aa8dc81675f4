"""The table as text: every number that was collected is there, marked as it should be."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from posereg.reporting import curves
from posereg.reporting import table as text
from posereg.reporting.collect import Delta, Row, Run, Table, collect
from reporting import made

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder: Path = tmp_path_factory.mktemp("runs")
    made.table2(folder, people=60, seeds=2)
    return collect("integral/table2", folder, EXPERIMENTS)


def markdown_cells(content: str) -> list[list[str]]:
    lines = [line for line in content.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_markdown_is_rectangular_and_holds_the_numbers(table: Table) -> None:
    cells = markdown_cells(text.as_markdown(table))
    assert len({len(line) for line in cells}) == 1
    assert [line[0] for line in cells[2:]] == ["H1", "H2", "H3", "R1", "I1", "I2", "I3", "I_star"]
    row = table.row("I1")
    assert row is not None
    line = next(line for line in cells if line[0] == "I1")
    assert f"{row.mean('PCKh@0.5'):.1f} ±{row.spread('PCKh@0.5'):.1f}" in line[3]
    assert line[4] == "87.3"
    assert "Protocol: dataset synthetic" in text.as_markdown(table)


def test_csv_reads_back_to_the_same_numbers(table: Table) -> None:
    lines = {line["row"]: line for line in csv.DictReader(io.StringIO(text.as_csv(table)))}
    for row in table.rows:
        for name in table.columns:
            assert float(lines[row.name][name]) == pytest.approx(row.mean(name), abs=1e-4)
            assert float(lines[row.name][f"{name} paper"]) == row.paper[name]
            found = table.deltas.get((row.name, name))
            if found is None:
                assert lines[row.name][f"{name} delta pair"] == ""
            else:
                assert float(lines[row.name][f"{name} delta low"]) == pytest.approx(found.low, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "value", "signed", "expected"),
    [
        ("AUC", 58.34, False, "58.3"),
        ("AUC", -1.26, True, "−1.3"),
        ("AUC", 1.26, True, "+1.3"),
        ("params", 33.999e6, False, "34.0M"),
        ("macs", 6.148e9, False, "6.1G"),
        ("macs", 0.0371e9, False, "0.037G"),
        ("AUC", None, False, "–"),
    ],
)
def test_numbers(name: str, value: float | None, signed: bool, expected: str) -> None:
    assert text.number(name, value, signed) == expected


def test_mark_follows_the_interval() -> None:
    assert text.delta("AUC", Delta(1.0, "H1", 0.2, 1.8)) == "+1.0*"
    assert text.delta("AUC", Delta(-1.0, "H1", -1.8, -0.2)) == "−1.0*"
    assert text.delta("AUC", Delta(1.0, "H1", -0.2, 1.8)) == "+1.0"
    assert text.delta("AUC", Delta(1.0, "H1")) == "+1.0"
    assert text.delta("AUC", None) == ""


def test_best_knows_errors_from_accuracies(table: Table) -> None:
    assert text.best(table, "AUC") == "I1"
    low = Table("t", "", "", ["MPJPE"], [_row("a", 50.0), _row("b", 40.0)], [], {}, (), {}, {})
    assert text.best(low, "MPJPE") == "b"


def _row(name: str, value: float) -> Row:
    from posereg.reporting.collect import Run

    return Row(name, (Run(Path(name), {"row": name, "seed": 0, "metrics": {"MPJPE": value}}),))


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_fits_the_terminal_and_keeps_our_numbers(table: Table, width: int) -> None:
    console = Console(width=width, force_terminal=True, file=io.StringIO(), color_system=None)
    text.show(table, console)
    output = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(len(line.rstrip()) for line in output.splitlines()) <= width
    for row in table.rows:
        for name in table.columns:
            assert f"{row.mean(name):.1f}" in output


def test_quoted_rows_follow_ours(tmp_path: Path) -> None:
    made.run(tmp_path, "H1", 0, 4.0, made.poses(tmp_path / "data", 10))
    place = tmp_path / "experiments/integral/table2"
    place.mkdir(parents=True)
    (place / "quoted.csv").write_text('method,PCKh@0.5,AUC\n"Newell et al., 2016",90.9,\n')
    table = collect("integral/table2", tmp_path, tmp_path / "experiments")
    last = markdown_cells(text.as_markdown(table))[-1]
    assert last[0] == "*Newell et al., 2016*"
    assert last[2:5] == ["quoted", "", "90.9"]
    assert "–" in last


def test_rows_that_still_learn_are_marked_in_every_form(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 10)
    for row, end in (("H1", 52.0), ("I1", 50.1)):
        path = made.run(tmp_path, row, 0, 4.0, truth)
        result = json.loads(path.read_text()) | {"training": {"steps": 100}}
        path.write_text(json.dumps(result))
        (path.parent / "metrics.csv").write_text(f"step,val/PCKh@0.5\n75,50\n100,{end}\n")
    table = collect("integral/table2", tmp_path)
    assert [cells[2] for cells in markdown_cells(text.as_markdown(table))[-2:]] == ["1 ↑", "1"]
    assert [line["learning"] for line in csv.DictReader(io.StringIO(text.as_csv(table)))] == [
        "still",
        "finished",
    ]
    (line,) = [line for line in text.remarks(table) if "still learning" in line]
    assert line.startswith("↑ still learning: H1 +2.0 PCKh@0.5;")
    ends = [drawn.get_marker() for drawn in curves.training_curves(table).axes[-1].get_lines()[1::2]]
    assert ends == ["^", "o"]


def test_the_best_row_is_the_lowest_where_the_evaluator_says_so() -> None:
    def row(name: str, value: float, lower: list[str]) -> Row:
        result = {"row": name, "seed": 0, "metrics": {"dips": value}, "lower_is_better": lower}
        return Row(name, (Run(Path(name), result),))  # type: ignore[arg-type]

    for lower, wanted in ((["dips"], "a"), ([], "b")):
        rows = [row("a", 1.0, lower), row("b", 2.0, lower)]
        made_table = Table("t", "", "", ["dips"], rows, [], {}, (), {}, {})
        assert text.best(made_table, "dips") == wanted
