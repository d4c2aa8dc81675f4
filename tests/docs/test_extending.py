"""docs/extending.md: its files are written as the page shows them, its commands run for a few steps, and the number
of files it names for each kind of thing is the number that the command needs."""

from __future__ import annotations

import csv
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from posereg import config as configs
from posereg.data.formats import mpii
from posereg.runs import results
from posereg.train import train
from tiny import data_set

PAGE = (Path(__file__).parents[2] / "docs/extending.md").read_text()
SECTION = re.compile(r"^## (?:A|An) ([^\n]+)\n(.*?)(?=^## |\Z)", re.M | re.S)
COUNT = re.compile(r"^\*\*(\d) files?\*\*|^\*\*(\d) files?\.\*\*", re.M)
BLOCK = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.M | re.S)
COMMAND = re.compile(r"^posereg train --config-dir mine (.+)$", re.M)
QUICK = (
    "trainer=demo", "trainer.epochs=1", "trainer.validate_every=1", "trainer.limit_train_batches=1", "batch_size=4",
)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """One kind of thing: how many files the page says, the files by path, and the arguments of its training command."""

    count: int
    files: dict[str, str]
    overrides: list[str]


def sections() -> dict[str, Section]:
    found = {}
    for title, text in SECTION.findall(PAGE):
        (count,) = [int(a or b) for a, b in COUNT.findall(text)]
        command = COMMAND.search(text)
        found[title] = Section(count, dict(BLOCK.findall(text)), shlex.split(command[1]) if command else [])
    return found


SECTIONS = sections()
# A data set needs its joints, and this page's also the metric; a skeleton is seen at work in a data set.
TOGETHER = {"data set": ("skeleton", "metric"), "skeleton": ("metric", "data set")}


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder `mine`, empty, where Python looks for modules; nothing of it stays imported."""
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("POSEREG_CONFIG_DIR", str(folder))
    yield folder
    for name in [
        name for name, module in sys.modules.items() if str(folder) in str(getattr(module, "__file__", ""))
    ]:
        del sys.modules[name]


def write(files: dict[str, str], without: str = "") -> set[str]:
    """Write the files below the current folder."""
    for name, text in files.items():
        if name == without:
            continue
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    return set(files) - {without}


def street(folder: Path) -> Path:
    """The page's CSV, of the tiny synthetic people's torsos."""
    folder.mkdir()
    root = data_set("mpii")
    joints = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    with open(folder / "street.csv", "w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["image", "split", *(f"{joint}_{axis}" for joint in joints for axis in "xy")])
        for split, name in (("train", "train"), ("valid", "val")):
            poses = mpii.read(root, split)
            columns = [poses.skeleton.joints.index(joint) for joint in joints]
            for person, image in enumerate(poses.person_image):
                points = np.where(
                    poses.visibility[person, columns, None] > 0, poses.keypoints[person, columns], np.nan
                )
                cells = ["" if np.isnan(value) else f"{value:.2f}" for value in points.ravel()]
                lines.writerow([root / poses.images[image], name, *cells])
    return folder


def run(title: str, folder: Path) -> results.Result:
    """The section's training command for one step a row."""
    overrides = SECTIONS[title].overrides or SECTIONS["data set"].overrides
    root = Path("street") if "data=street" in overrides else data_set("mpii")
    if root == Path("street") and not root.exists():
        street(root)
    given = [
        f"hydra.searchpath=[file://{folder.resolve()}]",
        *QUICK,
        *overrides,
        f"data.root={root}",
        "runs=runs",
    ]
    return train(configs.compose(given), given)


def needed(title: str) -> dict[str, str]:
    return {
        name: text
        for part in (title, *TOGETHER.get(title, ()))
        for name, text in SECTIONS[part].files.items()
    }


def test_the_page_has_every_kind_of_thing() -> None:
    assert set(SECTIONS) == {"row", "trunk", "method", "metric", "skeleton", "data set"}


@pytest.mark.parametrize("title", SECTIONS)
def test_the_count_of_files_is_what_is_written(title: str) -> None:
    section = SECTIONS[title]
    assert len(section.files) == section.count
    (in_table,) = re.findall(rf"^\| \[an? {title}\]\([^)]*\) \| (\d) \|", PAGE, re.M)
    assert int(in_table) == section.count


@pytest.mark.parametrize("title", SECTIONS)
def test_what_the_page_adds_trains_and_is_scored(title: str, mine: Path) -> None:
    write(needed(title))
    result = run(title, mine)
    assert result["training"]["steps"] == 1
    assert all(np.isfinite(value) for name, value in result["metrics"].items() if "/" not in name)
    if title == "metric":
        assert "PCK@0.1/left_knee" in result["metrics"]
        assert result["protocol"]["metric_version"] == "box-diagonal-1"
    if title == "row":
        assert (result["row"], result["config"]["compare_to"]) == ("I_star_l2", "I_star")
    if title == "method":
        assert result["config"]["method"]["split"] == 3
    if title in ("skeleton", "data set"):
        assert "PCK@0.1/left_hip" in result["metrics"]


@pytest.mark.parametrize(
    ("title", "name"), [(title, name) for title in SECTIONS for name in SECTIONS[title].files]
)
def test_no_file_of_the_page_is_superfluous(title: str, name: str, mine: Path) -> None:
    write(needed(title), without=name)
    with pytest.raises(Exception, match=r"(?i)config|no such choice|module|skeleton|torso|import"):
        run(title, mine)
