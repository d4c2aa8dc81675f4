"""posereg claims: the page from files alone, the same every time, traced to the results."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from claims import made
from posereg.cli import main as cli


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    for row, error in (("H1", 0.2), ("I1", 0.15), ("H2", 0.19), ("I2", 0.14), ("H3", 0.2), ("I3", 0.13)):
        for seed in (0, 1):
            made.run(
                folder / "mpii_240",
                f"integral/table2/{row}",
                made.distances(error, 60, seed),
                seed,
                data="mpii_240",
            )
    return folder


def test_the_page_traces_every_verdict_to_files_and_is_the_same_twice(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["claims", f"runs={runs}"]) == 0
    printed = capsys.readouterr().out
    assert "confirmed (2 of 3 seeds)" in printed
    out = runs / "claims"
    assert f"page: {out / 'index.html'}" in printed
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(first) == {"index.html", "claims.md", "claims.csv"}
    lines = list(csv.DictReader((out / "claims.csv").open()))
    judged = [line for line in lines if line["claim"] == "integral_above_heatmap"]
    assert [line["verdict"] for line in judged] == ["confirmed"] * 3
    for line in judged:
        files = line["files"].split(";")
        results = [json.loads((out / file).read_text()) for file in files]
        sides = {
            row: [r["metrics"]["PCKh@0.1"] for r in results if r["row"] == row]
            for row in line["compared"].split(" − ")
        }
        better, worse = (sum(values) / len(values) for values in sides.values())
        assert float(line["effect"]) == pytest.approx(better - worse, abs=1e-3)
        assert (line["seeds"], line["seeds wanted"], line["images"], line["fewest steps"]) == (
            "2",
            "3",
            "60",
            "1000",
        )
    assert {line["verdict"] for line in lines if not line["files"]} == {"open"}
    page = first["index.html"].decode()
    assert all((out / link).is_file() for link in re.findall(r'href="([^"#]+)"', page))
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert cli.main(["claims", f"runs={runs}"]) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first


def test_markdown_is_rectangular_and_names_every_claim(runs: Path, tmp_path: Path) -> None:
    assert cli.main(["claims", f"runs={runs}", f"out={tmp_path / 'page'}"]) == 0
    lines = (tmp_path / "page/claims.md").read_text().splitlines()
    assert {line.count("|") for line in lines if line.startswith("|")} == {11}
    assert sum(line.startswith("| **") for line in lines) == len(
        list(csv_claims(tmp_path / "page/claims.csv"))
    )
    links = [line[3 : line.index("]")] for line in lines if line.startswith("- [")]
    assert len(links) == 12
    assert all((tmp_path / "page" / link).is_file() for link in links)


def csv_claims(path: Path) -> set[str]:
    with open(path) as file:
        return {line["claim"] for line in csv.DictReader(file)}


def test_one_data_set_only(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["claims", f"runs={runs}", "data=lspet"]) == 0
    assert "0 confirmed, 0 refuted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs=nowhere"], "runs=nowhere: no such folder"),
        (["run=x"], "unknown key 'run', did you mean 'runs'"),
        (["runs=.", "claims=nowhere"], "nowhere: no claims"),
    ],
)
def test_mistakes(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["claims", *arguments]) == 2
    assert message in capsys.readouterr().err
