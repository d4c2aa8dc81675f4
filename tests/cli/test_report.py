"""`posereg report`: any runs side by side."""

from pathlib import Path

import pytest

from posereg.cli import report
from posereg.cli.main import main
from reporting import made


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs")
    made.table2(folder, people=40, seeds=1)
    return folder / "synthetic/integral/table2"


def test_the_terminal_says_what_the_page_shows(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.run([runs / "H1", runs / "I1"], tmp_path, "Two trunks", None, 2, None) == 0
    printed = capsys.readouterr()
    assert printed.out.strip().startswith("Two trunks")
    assert f"report: {tmp_path / 'index.html'}" in printed.out
    assert printed.err.startswith("No example pictures: ")
    assert "Two trunks" in (tmp_path / "index.html").read_text()
    assert (tmp_path / "curves.svg").exists()


def test_other_data_has_no_results(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", f"runs={runs}", f"out={tmp_path / 'page'}", "data=coco"]) == 2
    assert "no result" in capsys.readouterr().err
    assert not (tmp_path / "page").exists()
