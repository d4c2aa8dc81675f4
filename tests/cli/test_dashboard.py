"""`posereg dashboard`, offline."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from posereg.cli.dashboard import COMMAND
from posereg.cli.main import main


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)


def test_offline_it_writes_the_definition(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("wandb_workspaces", reason="wandb-workspaces is not installed: posereg[dashboard]")
    assert main([COMMAND.name, "integral/table2", "data=lsp", "entity=lab"]) == 0
    assert "dashboard definition: wandb_lsp_integral_table2.json" in capsys.readouterr().out
    content = json.loads((tmp_path / "wandb_lsp_integral_table2.json").read_text())
    assert (content["entity"], content["displayName"]) == ("lab", "lsp/integral/table2")


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    assert main([COMMAND.name, "integral/table2"]) == 2
    assert "pip install 'posereg[dashboard]'" in capsys.readouterr().err


def test_a_table_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([COMMAND.name, "integral/table99"]) == 2
    assert "there is no table experiments/integral/table99" in capsys.readouterr().err
