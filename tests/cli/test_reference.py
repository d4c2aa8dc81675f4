"""The command reference, written from the specifications."""

import html
import re
import runpy
import sys
from pathlib import Path

import pytest

from posereg.cli import commands, reference

SCRIPT = Path(__file__).parents[2] / "scripts/write_command_reference.py"


def test_every_command_and_argument_is_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(tmp_path / "docs/commands.md")])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(SCRIPT), run_name="__main__")
    page = (tmp_path / "docs/commands.md").read_text()
    for name in commands.MODULES:
        section = page.partition(f"## posereg {name}\n")[2].partition("\n## ")[0]
        specification = commands.specification(name)
        assert " ".join(specification.usage().split()) in " ".join(section.split())
        for option in specification.options:
            assert f"| `{option.name}={option.kind.name}` |" in section


def test_the_page_reads_as_it_is_meant() -> None:
    markdown = pytest.importorskip("markdown")
    page = markdown.markdown(reference.markdown(), extensions=["tables", "fenced_code"])
    assert "A run's folder is runs/<data>/<table>/<row>/seed<seed>" in html.unescape(page)
    assert "<code>--cfg job|hydra|all</code>" in page
    assert "<data>" not in page
    assert "<em>" not in page
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.S)
    assert {row.count("<td>") + row.count("<th>") for row in rows} == {2}
