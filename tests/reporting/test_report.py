"""The report: a self-contained page with the table, figures and links that lead somewhere."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from posereg.reporting import report
from posereg.reporting.collect import Table, collect, selection
from reporting import made

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Collects the text and checks that every element that opens closes in order."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value for key, value in attributes if key in ("href", "src") and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.links += [value for key, value in attributes if key in ("href", "src") and value]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs")
    made.table2(folder, people=40, seeds=2)
    return folder


@pytest.fixture(scope="module")
def table(runs: Path) -> Table:
    return collect("integral/table2", runs, EXPERIMENTS)


def test_everything_is_written(table: Table, tmp_path: Path) -> None:
    table = replace(table, papers_data="")  # as if scored on the paper's people
    assert report.write(table, tmp_path, pictures=0) == tmp_path / "index.html"
    for name in ("table.md", "table.csv", "curves.png", "curves.svg", "paper.svg", "training.png"):
        assert (tmp_path / name).stat().st_size > 200, name
    page = Page((tmp_path / "index.html").read_text())
    assert not page.open
    words = " ".join(page.words)
    for row in ("H1", "I_star", "Integral Human Pose Regression, Table 2", "PCKh@0.1 by joint", "Wrist"):
        assert row in words
    assert "posereg train -m '+experiments/integral/table2=glob(*)' data=synthetic seed=0,1" in words
    # Self-contained: nothing is fetched; links lead to files that are there.
    local = [link for link in page.links if not link.startswith(("#", "data:"))]
    assert local
    for link in local:
        assert (tmp_path / link).exists(), link


def test_numbers_of_the_page_are_those_of_the_table(table: Table, tmp_path: Path) -> None:
    content = report.write(table, tmp_path, pictures=0).read_text()
    for row in table.rows:
        for name in table.columns:
            assert f"{row.mean(name):.1f} ±{row.spread(name):.1f}" in content


def test_pictures_that_cannot_be_made_are_a_remark(
    table: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "No example pictures" in report.write(table, tmp_path, pictures=2).read_text()
    assert "No example pictures" in capsys.readouterr().err


def test_selected_runs_have_their_title_and_no_command(runs: Path, tmp_path: Path) -> None:
    folder = runs / "synthetic/integral/table2"
    chosen = selection([folder / "H1", folder / "I1"], "Two rows")
    assert chosen.heading == "Two rows"
    page = Page(report.write(chosen, tmp_path, pictures=0).read_text())
    words = " ".join(page.words)
    assert "Two rows" in words
    assert "I_star" not in words
    assert "posereg train" not in words
