"""The command line: fast, lists what is there, and turns mistakes into one line."""

import errno
import io
import signal
import subprocess
import sys

import pytest

from posereg.cli import main as cli
from posereg.errors import Interrupted, UserError


def posereg(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "posereg.cli.main", *arguments], capture_output=True, text=True, timeout=60
    )


def test_unknown_command_names_the_nearest() -> None:
    done = posereg("docter")
    assert done.returncode == 2
    assert done.stderr == "error: unknown command 'docter', did you mean 'doctor'?\n"


def test_every_ending_has_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ends_with(error: BaseException) -> int:
        def invoke(arguments: list[str]) -> int:
            raise error

        monkeypatch.setattr("posereg.cli.program.invoke", invoke)
        return cli.main(["version"])

    monkeypatch.delenv("POSEREG_DEBUG", raising=False)
    assert ends_with(UserError("a.json: no such file")) == 2
    assert capsys.readouterr().err == "error: a.json: no such file\n"
    assert ends_with(OSError(errno.ENOSPC, "No space left on device", "b.npz")) == 2
    assert capsys.readouterr().err == "error: no space left on the disk for b.npz\n"
    assert ends_with(KeyboardInterrupt()) == 130
    assert ends_with(Interrupted(signal.SIGTERM)) == 143
    assert "the same command goes on" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):  # a mistake of posereg's own keeps its traceback
        ends_with(ZeroDivisionError("x"))
    monkeypatch.setenv("POSEREG_DEBUG", "1")
    with pytest.raises(UserError):
        ends_with(UserError("x"))


def test_a_terminal_that_lacks_a_letter_shows_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(written, encoding="ascii", write_through=True))

    def invoke(arguments: list[str]) -> int:
        print("runs/Größe: done already")
        raise UserError("人.json: no such file")

    monkeypatch.setattr("posereg.cli.program.invoke", invoke)
    assert cli.main(["version"]) == 2
    assert written.getvalue() == b"runs/Gr\\xf6\\xdfe: done already\nerror: \\u4eba.json: no such file\n"
