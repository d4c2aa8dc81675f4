"""`posereg table`: from runs to the printed table and its page."""

from pathlib import Path

import pytest

from posereg.cli import table
from posereg.cli.main import main
from reporting import made


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs")
    made.table2(folder, people=40, seeds=1)
    return folder


def test_the_table_is_printed_and_written_below_the_runs(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert table.run("integral/table2", [runs], None, None, 0, None) == 0
    printed = capsys.readouterr().out
    page = runs / "tables/integral_table2/index.html"
    assert f"report: {page}" in printed
    assert printed.strip().startswith("Integral Human Pose Regression, Table 2")
    assert "I_star" in printed
    assert "I_star" in page.read_text()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_runs_is_the_default(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").symlink_to(runs)
    monkeypatch.chdir(tmp_path)
    assert main(["table", "/integral/table2/", f"out={tmp_path / 'page'}", "pictures=0"]) == 0
    assert "I_star" in capsys.readouterr().out
    assert (tmp_path / "page/table.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "TABLE is missing"),
        (["integral/table2", "runs=nowhere"], "runs=nowhere: no such folder"),
        (["integral/table2", "pictures=many"], "not a whole number"),
        (["integral/table2", "run=x"], "did you mean 'runs'?"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["table", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: posereg table:")
    assert message in error
    assert error.count("\n") == 1
