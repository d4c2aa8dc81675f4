"""No word of the repository refers to something that is not there, and the checks find it if one does."""

from __future__ import annotations

from pathlib import Path

import pytest

import references
from posereg.cli import main as cli
from references import Repository

# This file is full of broken references, and the changelog names what is gone.
SKIP = frozenset({"tests/test_references.py", "CHANGELOG.md"})
REPOSITORY = Repository(Path(__file__).parents[1], SKIP)
# Pages that `make docs` writes.
GENERATED = {"docs/commands.md"}
# Names of files that a command writes, or that belong to whoever reads.
WRITTEN = {
    "card.yaml",
    "predictions.jsonl",
    "predictions.json",
    "coco_results.json",
    "labels.json",
    "overlay.mp4",
    "predictions.csv",
    "table.md",
    "claims.md",
    "config.yaml",
    "commands.md",
    "data.yaml",  # of a YOLO-pose folder
}


def is_command(name: str) -> bool:
    """Whether `posereg <name> --help` knows the command."""
    try:
        return cli.main([name, "--help"]) == 0
    except SystemExit as done:
        return not done.code


def test_no_document_is_named_that_readers_do_not_have() -> None:
    assert references.foreign(REPOSITORY) == []


def test_every_page_and_anchor_of_the_docs_exists() -> None:
    assert references.anchored(REPOSITORY, GENERATED) == []


def test_every_relative_link_of_markdown_leads_somewhere() -> None:
    assert references.links(REPOSITORY, GENERATED) == []


def test_every_file_named_in_comments_and_prose_exists() -> None:
    assert references.paths(REPOSITORY, WRITTEN) == []


def test_every_folder_named_in_comments_and_prose_exists() -> None:
    assert references.folders(REPOSITORY) == []


def test_every_module_and_name_of_the_package_exists() -> None:
    assert references.modules(REPOSITORY) == []


def test_every_make_target_exists() -> None:
    assert references.targets(REPOSITORY) == []


def test_every_command_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert references.commands(REPOSITORY, is_command) == []


def test_every_experiment_exists() -> None:
    assert references.experiments(REPOSITORY) == []


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A repository in which every reference holds."""
    files = {
        "Makefile": "demo: install\n\techo\n$(eval $(call table,table2,integral/table2))\n",
        "README.md": "# Small\n\n[page](docs/page.md#a-b-c) `make demo table2`, `posereg train`\n\n[below](#small)\n",
        "docs/page.md": "# Page\n\n## A B, `c`\n\n```\nmake demo\nposereg train data=x\n```\n\n[up](../README.md)\n",
        "conf/train.yaml": "# docs/page.md#page, see inference/grouping.py\na: 1\n",
        "experiments/integral/table2/I1.yaml": "# experiments/integral/table2=I1\nx: 1\n",
        "src/posereg/__init__.py": "",
        "src/posereg/inference/__init__.py": "",
        "src/posereg/inference/grouping.py": (
            '"""See conf/train.yaml and posereg.inference.grouping.group."""\n\n\ndef group(): ...\n'
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


CHECKS = {
    "foreign": references.foreign,
    "anchored": references.anchored,
    "links": references.links,
    "paths": references.paths,
    "folders": references.folders,
    "modules": references.modules,
    "targets": references.targets,
    "commands": lambda repository: references.commands(repository, lambda name: name == "train"),
    "experiments": references.experiments,
}


@pytest.mark.parametrize("check", CHECKS)
def test_a_repository_without_mistakes_passes(small: Path, check: str) -> None:
    assert CHECKS[check](Repository(small)) == []


@pytest.mark.parametrize(
    ("check", "file", "text", "named"),
    [
        ("foreign", "src/posereg/x.py", "# as in paper 0" + "02\n", "paper 002"),
        ("foreign", "conf/x.yaml", "# see method" + " facts 2.4\n", "method facts"),
        ("foreign", "docs/x.md", "Facts" + " 9.1 says so.\n", "Facts 9.1"),
        ("anchored", "src/posereg/x.py", '"""docs/page.md#nothing"""\n', "#nothing: no such anchor"),
        ("anchored", "conf/x.yaml", "# docs/none.md#a\n", "docs/none.md#a: no such page"),
        ("links", "docs/x.md", "[x](none.md)\n", "none.md: no such file"),
        ("links", "docs/x.md", "[x](page.md#none)\n", "page.md#none: no such anchor"),
        ("links", "docs/x.md", "# X\n\n[x](#none)\n", "#none: no such anchor"),
        ("links", "README.md", "![x](docs/none.png)\n", "docs/none.png: no such file"),
        ("links", "docs/x.md", "[x][y]\n\n[y]: none.md\n", "none.md: no such file"),
        ("paths", "src/posereg/x.py", "# inference/none.py does it\n", "inference/none.py"),
        ("paths", "src/posereg/x.py", 'def f():\n    """As in `none.py`."""\n', "none.py"),
        ("paths", "conf/x.yaml", "a: 1  # conf/data/none.yaml\n", "conf/data/none.yaml"),
        ("paths", "docs/x.md", "See `src/posereg/none.py`.\n", "src/posereg/none.py"),
        ("folders", "conf/x.yaml", "# Score: results/none, docs/page.md\n", "results/none"),
        ("folders", "docs/x.md", "Everything in `src/posereg/none`.\n", "src/posereg/none"),
        ("targets", "experiments/integral/table2/table.toml", "# Command: make none DATA=x\n", "make none"),
        ("modules", "docs/x.md", "`posereg.inference.none`\n", "posereg.inference.none"),
        ("modules", "conf/x.yaml", "_target_: posereg.inference.grouping.none\n", "grouping.none"),
        ("targets", "README.md", "`make demo none`\n", "make none"),
        ("targets", "docs/x.md", "```\nmake none DATA=x\n```\n", "make none"),
        ("commands", "docs/x.md", "```\nposereg none data=x\n```\n", "posereg none"),
        ("commands", "src/posereg/x.py", '"""`posereg none` does it."""\n', "posereg none"),
        ("experiments", "docs/x.md", "`+experiments/integral/none=glob(*)`\n", "experiments/integral/none"),
        ("experiments", "docs/x.md", "`+experiments/integral/table2=I1,I9`\n", "table2/I9"),
        ("experiments", "src/posereg/x.py", "# experiments/integral/table9\n", "table9"),
    ],
)
def test_a_broken_reference_is_found(small: Path, check: str, file: str, text: str, named: str) -> None:
    (small / file).write_text(text)
    broken = CHECKS[check](Repository(small))
    assert len(broken) == 1
    assert broken[0].startswith(file)
    assert named in broken[0]


@pytest.mark.parametrize(
    ("check", "text"),
    [
        ("targets", "Mind to make sure; `posereg data make kind=mpii`.\n"),
        ("links", "```\n[x](none.md)\n```\n\n[web](https://example.org/x.md#y) and `[x](none.md)`\n"),
        ("paths", "Write `conf/data/<name>.yaml` or `experiments/*/*.yaml`.\n"),
        ("experiments", "`experiments/<paper>/<table>/<row>.yaml`\n"),
        ("experiments", "Write mine/experiments/a/b/c.yaml, then `+experiments/a/b/c` is there.\n"),
    ],
)
def test_what_only_looks_like_a_reference_passes(small: Path, check: str, text: str) -> None:
    (small / "docs/x.md").write_text(text)
    assert CHECKS[check](Repository(small)) == []
