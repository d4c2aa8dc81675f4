"""The page of what the tables cost is the one that the rows give today."""

import importlib.util
import re
from pathlib import Path

import pytest

from posereg import config

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("write_plan", ROOT / "scripts" / "write_plan.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section_of(page, name):
    return re.search(rf"^## {name}, .*?\n\n(?:\|.*\n)+", page, re.MULTILINE)[0]


def test_the_page_has_every_row_of_every_table(script):
    assert len(script.tables()) == len(re.findall("^## ", PAGE, re.MULTILINE))
    for name in script.tables():
        rows = {file.stem for file in (config.experiments() / name).glob("*.yaml")}
        shown = re.findall(r"^\| \S+ \| (\S+) \| \d", section_of(PAGE, name), re.MULTILINE)
        assert rows == {row for row in shown if not row.startswith("(")}, name
        assert len(shown) == len(set(shown))


def cheap_tables():
    return [
        "softargmax/table4",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("art/table2", "volume/table1")),
    ]


@pytest.mark.parametrize("name", cheap_tables())
def test_a_table_costs_what_the_page_says(script, name, tmp_path):
    file = tmp_path / "plan.md"
    assert script.main([str(file), name]) == 0
    page = file.read_text(encoding="utf-8")
    assert section_of(page, name) == section_of(PAGE, name), "give `make plan`"
    assert page.partition("\n\n- 1")[0][:200] == PAGE[:200]


def test_without_a_page_it_says_how_it_is_called(script, capsys):
    assert script.main([]) == 2
    assert "write_plan.py PAGE" in capsys.readouterr().err
