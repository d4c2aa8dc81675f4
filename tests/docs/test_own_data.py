"""docs/own_data.md: its file and its commands, run as the page shows them, on pictures made here."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from mice import mice
from posereg.cli.program import invoke

PAGE = (Path(__file__).parents[2] / "docs/own_data.md").read_text()
(FILE,) = re.findall(r'^```yaml title="mouse.yaml"\n(.*?)^```$', PAGE, re.M | re.S)
COMMANDS = re.findall(r"^posereg (.+)$", PAGE.split("## The file")[0], re.M)
QUICK = (
    "trainer=demo", "trainer.epochs=1", "trainer.validate_every=1", "trainer.limit_train_batches=1", "batch_size=4",
)  # fmt: skip


def test_the_file_is_that_of_the_tests() -> None:
    lines = (Path(__file__).parents[1] / "mouse.yaml").read_text().splitlines(keepends=True)
    assert "".join(line for line in lines if not line.startswith("#")) == FILE


@pytest.mark.slow
def test_the_commands_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mice(tmp_path, 20)
    (tmp_path / "mouse.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS:
        more = QUICK if command.startswith("train") else ()
        assert not invoke([*shlex.split(command), *more]), command
    assert "mouse train: 16 people on 16 images, 192 labelled joints" in capsys.readouterr().out
    result = json.loads(Path("runs/mouse/single/I1/seed0/result.json").read_text())
    assert {"PCK@0.1", "PCK@0.2", "PCK@0.1/Ears", "error", "median_error", "error/tail_tip"} <= result[
        "metrics"
    ].keys()
    assert (result["protocol"]["split"], result["protocol"]["train_people"]) == ("val", 16)
    assert len(list(Path("poses").rglob("*.jpg"))) == 20
    assert "mouse" in "".join(page.read_text() for page in Path("report").rglob("*.html"))
