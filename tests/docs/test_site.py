"""The site builds without a warning, and the README and its links are what they promise to be."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from posereg.reporting import collect

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def test_the_site_builds_strictly(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    for name in ("docs", "mkdocs.yml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, tmp_path / name)
    (tmp_path / "docs/commands.md").write_text("# Commands\n")  # written by `make docs`
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site/index.html").read_text()
    fetched = re.findall(r'(?:src|href)="(https?://[^"]+)"', re.sub(r"<a [^>]*>", "", page))
    assert not fetched, "the site must work offline"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 110


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_outside_the_site_lead_somewhere(page: str) -> None:
    for link in LINK.findall((ROOT / page).read_text()):
        assert (ROOT / link).exists(), f"{page}: {link}"


def test_make_targets_named_in_the_pages_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    known = set(re.findall(r"^([a-z_0-9-]+(?: [a-z_0-9-]+)*):", makefile, re.M))
    known |= set(re.findall(r"call table,(\w+),", makefile))
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"(?:^|`)make ([a-z][a-z_0-9-]*)", page.read_text(), re.M):
            assert target in known, f"{page.relative_to(ROOT)}: make {target}"


def test_the_tables_of_the_results_page_are_those_of_the_result_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Intervals take minutes; they decide what is bold alone.
    monkeypatch.setattr(collect, "intervals", lambda *_: {})
    script = runpy.run_path(str(ROOT / "scripts/write_result_tables.py"))
    page = (ROOT / "docs/results.md").read_text().replace("**", "")
    assert script["written"](page) == page, "python scripts/write_result_tables.py"
    shown = set(re.findall(r"<!-- results/(\w+) -->", page))
    assert shown == {folder.name for folder in (ROOT / "results").iterdir() if folder.is_dir()}
