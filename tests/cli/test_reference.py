"""The command reference, written from the specifications."""

import runpy
import sys
from pathlib import Path

import pytest

from posereg.cli import commands

SCRIPT = Path(__file__).parents[2] / "scripts/write_command_reference.py"


def test_every_command_and_argument_is_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(tmp_path / "docs/commands.md")])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(SCRIPT), run_name="__main__")
    page = (tmp_path / "docs/commands.md").read_text()
    for name in commands.MODULES:
        section = page.partition(f"## posereg {name}\n")[2].partition("\n## ")[0]
        specification = commands.specification(name)
        assert specification.usage() in section
        for option in specification.options:
            cell = f"{option.name}={option.kind.name}".replace("|", "\\|")
            assert f"| `{cell}` |" in section
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {3}
