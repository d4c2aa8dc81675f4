"""The program as Click sees it: groups, flags, exit statuses, and the folders of `--config-dir`."""

import os
from pathlib import Path

import pytest

from posereg.cli import commands
from posereg.cli.program import invoke, program
from posereg.errors import UserError


def test_nothing_and_help_are_the_overview(capsys: pytest.CaptureFixture[str]) -> None:
    pages = []
    for words in ([], ["--help"], ["-h"], ["help"]):
        assert invoke(words) == 0
        pages.append(capsys.readouterr().out)
    assert len(set(pages)) == 1
    assert all(f"  {name.split()[0]} " in pages[0] for name in commands.MODULES)


def test_a_group_lists_its_commands_and_refuses_others(capsys: pytest.CaptureFixture[str]) -> None:
    inside = [name for name in commands.MODULES if name.startswith("data ")]
    assert invoke(["data"]) == 0
    page = capsys.readouterr().out
    assert "usage: posereg data <command>" in page
    assert all(f"  {name}  " in page for name in inside)
    with pytest.raises(UserError, match="unknown command 'data mak', did you mean 'make'"):
        invoke(["data", "mak"])


def test_the_exit_status_is_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    for status in (0, 1, 3):
        monkeypatch.setattr(commands, "runner", lambda name, status=status: lambda **values: status)
        assert invoke(["version"]) == status


def test_folders_hold_for_the_command_and_no_longer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def fails(**values: object) -> int:
        seen.append(os.environ["POSEREG_CONFIG_DIR"].split(os.pathsep))
        raise UserError("no")

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSEREG_CONFIG_DIR", raising=False)
    monkeypatch.setattr(commands, "runner", lambda name: fails)
    with pytest.raises(UserError, match="no"):
        invoke(["config", "--config-dir", "a", "method=H1", "-cd=b"])
    assert seen == [[str(tmp_path / "a"), str(tmp_path / "b")]]
    assert "POSEREG_CONFIG_DIR" not in os.environ


def test_a_wrong_flag_names_its_command_and_how_it_is_used() -> None:
    with pytest.raises(UserError, match=r"posereg train: No such option.*--multirum.*usage: posereg train"):
        invoke(["train", "--multirum"])
    with pytest.raises(UserError, match=r"No such option.*--all"):
        invoke(["--all"])


def test_commands_are_imported_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    specification = commands.specification

    def noted(name: str) -> object:
        asked.append(name)
        return specification(name)

    monkeypatch.setattr(commands, "specification", noted)
    assert program().get_command(program().make_context("posereg", ["version"]), "version") is not None
    assert asked == ["version"]
