"""`posereg data check`: check a data set before training on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from posereg.cli.spec import DIR, NAME, Command, Option, listed, whole

if TYPE_CHECKING:
    from posereg.data.sources.source import Source
    from posereg.records.poses import PoseSet

COMMAND = Command(
    "data check",
    "compare a data set's images with its annotations",
    """
    Every image is read. Reports missing and undecodable images, boxes and joints outside the image, absent head
    boxes, left and right labelled unequally or swapped, ids used twice, pictures of another size than declared or in
    several splits, what the reader leaves out and why, and counts that differ from the published ones. The exit status
    is 1 if anything found would change a figure.
    """,
    config="data",
    options=(
        Option(
            "split", listed(NAME), "splits to check", default_text="the training and the validation split"
        ),
        Option("out", DIR, "where the contact sheets <data>_<split>.png go", default=Path()),
        Option("people", whole(1), "annotated people on a contact sheet", default=20),
    ),
    examples=("posereg data check data=mpii data.root=data/mpii split=valid",),
)


def run(overrides: list[str], split: list[str] | None, out: Path, people: int) -> int:
    """Print the report of each split and write its contact sheet; 1 if anything is wrong.

    Raises:
        UserError: unknown data set, missing annotations, or a metric of the user's own that
            cannot measure the annotations.
    """
    from posereg.cli.data_source import source_of
    from posereg.records.columns_cache import files_themselves

    with files_themselves():
        return _run(source_of(overrides), split, out, people)


def _run(source: Source, split: list[str] | None, out: Path, people: int) -> int:
    from posereg.data.sources.check import check, contact_sheet, shared_images
    from posereg.records.predictions import faultless

    good = True
    checked: list[PoseSet] = []
    for name in dict.fromkeys(split or [source.train_split, source.val_split]):
        poses = source.read_truth(name)
        if source.truth is not None or source.box_file(name) is not None:
            # The reader of the truth leaves nobody out; that of training does, and so does that of a detector's boxes.
            poses = replace(poses, left_out={**poses.left_out, **source.read(name).left_out})
        if source.file is not None and len(poses):
            source.evaluate(poses, faultless(poses))  # a metric that cannot measure them says so here
        report = check(poses, _bar(f"{source.name} {name}"))
        report = replace(report, findings=(*report.findings, *shared_images(poses, checked)))
        checked.append(poses)
        good &= report.good
        print("\n".join(report.lines()))
        sheet = out / f"{source.name}_{name}.png"
        drawn = contact_sheet(poses, sheet, people)
        print(f"{sheet}: {drawn} people with their annotations" if drawn else "no picture of anybody to show")
    return 0 if good else 1


def _bar(title: str) -> Callable[[Iterable[int], int], Iterable[int]]:
    from posereg.terminal.progress import tracked

    return lambda rows, total: tracked(rows, total, title)
