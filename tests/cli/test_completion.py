"""Shell completion: the scripts, and what is offered after every command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from posereg.cli import commands
from posereg.cli.main import main


def offered(line: str, shell: str = "bash") -> list[str]:
    """What the shell is told may stand at the end of this line."""
    typed = line.split(" ")
    variables = {
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(typed) - 1),
        "_POSEREG_COMPLETE": f"{shell}_complete",
    }
    if shell == "fish":
        variables["COMP_CWORD"] = typed[-1]
    done = subprocess.run(
        [sys.executable, "-m", "posereg.cli.main"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    if shell == "zsh":
        return done.stdout.split("\n")[1::3]
    return [text.partition(",")[2].partition("\t")[0] for text in done.stdout.split("\n") if text]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_in_every_shell(shell: str) -> None:
    assert set(offered("posereg ", shell)) == {name.split()[0] for name in commands.MODULES}
    assert offered("posereg data m", shell) == ["make"]


@pytest.mark.parametrize("name", [n for n in commands.MODULES if commands.specification(n).config])
def test_group_choices_of_every_command_with_a_config(name: str) -> None:
    assert {"data=mpii", "data=mpii_subset"} <= set(offered(f"posereg {name} data=m"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("posereg train meth", {"method=", "method."}),
        ("posereg train method=softargmax", {"method=softargmax", "method=softargmax_context"}),
        ("posereg train -m +experiments/integral/table2=", {"+experiments/integral/table2=I1"}),
        ("posereg train method=H1 method.optimizer.l", {"method.optimizer.lr="}),
        ("posereg predict fl", {"flip_test="}),
        ("posereg predict flip_test=", {"flip_test=true", "flip_test=false"}),
        ("posereg data make kind=ls", {"kind=lsp", "kind=lspet"}),
        ("posereg table integral/table", {"integral/table2"}),
        ("posereg train --con", {"--config-dir", "--config-name"}),
        ("posereg completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_keys_values_and_flags(line: str, expected: set[str]) -> None:
    found = offered(line)
    assert expected <= set(found)
    assert all(text.startswith(line.split(" ")[-1]) for text in found)


def test_choices_of_the_users_own_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/mine.yaml").write_text("name: mine\n")
    assert offered(f"posereg score --config-dir={tmp_path} data=mi") == ["data=mine"]


def test_a_line_that_does_not_compose_offers_nothing() -> None:
    assert offered("posereg train method=nothing backbone.") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_valid(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"_POSEREG_COMPLETE={shell}_complete" in script
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n"], input=script, text=True, check=True)


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_itself_gets_what_lies_behind_the_equals_sign(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["completion", "bash"])
    program = tmp_path / "posereg"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m posereg.cli.main "$@"\n')
    program.chmod(0o755)
    line = "posereg train data=lspe"
    script = capsys.readouterr().out + (
        f'COMP_LINE="{line}"; COMP_POINT={len(line)}; _posereg_completion posereg 2>/dev/null; echo "${{COMPREPLY[@]}}"'
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["lspet", "lspet_3000", "lspet_7000"]
