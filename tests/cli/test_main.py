"""The command line: fast, lists what is there, and turns mistakes into one line."""

import subprocess
import sys

import pytest

from posereg.cli import main as cli


def posereg(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "posereg.cli.main", *arguments], capture_output=True, text=True, timeout=60
    )


def test_unknown_command_names_the_nearest() -> None:
    done = posereg("docter")
    assert done.returncode == 2
    assert done.stderr == "error: unknown command 'docter', did you mean 'doctor'?\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["roof=x"], "unknown key 'roof', did you mean 'root'?"),
        (["root=a", "root=b"], "root is given twice"),
        (["here"], "'here' is not key=value"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", *arguments]) == 2
    assert capsys.readouterr().err == f"error: posereg doctor: {message} (usage: posereg doctor [root=DIR])\n"


def test_doctor_finds_data_by_its_official_files(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lsp_dataset").mkdir()
    (tmp_path / "lsp_dataset/joints.mat").touch()
    assert cli.main(["doctor", f"root={tmp_path}"]) == 0
    output = capsys.readouterr().out
    assert f"LSP / LSPET: {tmp_path / 'lsp_dataset'}" in output
    assert "MPII" not in output
    assert "torch 2." in output
