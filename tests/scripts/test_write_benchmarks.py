"""The page of benchmarks: what a script prints takes its place, all else stays, and every script has a place."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
DOCS = SCRIPTS.parent / "docs"
PAGE = """# Page

<!-- machine -->

an old one

<!-- end -->

Said by hand. <!-- a remark -->

<!-- bench_codecs.py -->

| old |

<!-- end -->

<!-- bench_data.py -->

| kept |

<!-- end -->
"""


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.delitem(sys.modules, "write_benchmarks", raising=False)
    import write_benchmarks

    return write_benchmarks


def test_only_the_places_of_what_was_printed_change(pages: ModuleType) -> None:
    printed = {
        "bench_codecs.py": pages.section("machine\n\n- sides\n\n| new \\1 |\n"),
        "machine": "this one",
    }
    expected = PAGE.replace("| old |", "- sides\n\n| new \\1 |").replace("an old one", "this one")
    assert pages.filled(PAGE, printed) == expected
    assert pages.filled(expected, printed) == expected


def test_a_script_that_no_page_shows_is_refused(pages: ModuleType, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "benchmarks.md").write_text(PAGE, encoding="utf-8")
    with pytest.raises(SystemExit):
        pages.main(["bench_nothing.py"], tmp_path / "benchmarks.md")
    assert "it has bench_codecs.py, bench_data.py" in capsys.readouterr().err


def test_a_script_that_fails_leaves_its_place(pages: ModuleType, tmp_path: Path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/bench_codecs.py").write_text("print('machine\\n\\n| new |')")
    (tmp_path / "scripts/bench_data.py").write_text("raise SystemExit(3)")
    (tmp_path / "benchmarks.md").write_text(PAGE, encoding="utf-8")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    assert pages.main(["--write"], tmp_path / "benchmarks.md") == 1
    assert "left as they were: bench_data.py" in capsys.readouterr().err
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "| new |" in text
    assert "| kept |" in text
    assert "| old |" not in text


def test_every_benchmark_has_one_place(pages: ModuleType) -> None:
    placed = pages.scripts_of((DOCS / "benchmarks.md").read_text(encoding="utf-8"))
    assert sorted(placed) == sorted(path.name for path in SCRIPTS.glob("bench_*.py"))
