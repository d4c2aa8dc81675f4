"""Look a data set over: every image is read and compared with its annotations.

posereg data check data=NAME [data.root=DIR] [data.annotations=FILE] [split=train,valid] [out=DIR] [people=20]

split     default: the training and the validation split
out       where the contact sheets go, <data>_<split>.png; default: the current folder
people    how many annotated people a contact sheet shows

Reports missing and undecodable images, boxes and joints outside the image, absent head boxes, left and right
labelled unequally or swapped, ids used twice, and counts that differ from the published ones. Ends with 1 if
anything is there that training would stumble over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from posereg.errors import UserError
from posereg.terminal.progress import tracked

KEYS = ("split", "out", "people")


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: unknown data set, missing annotations, or no image that can be read.
    """
    from posereg.cli._source import source_of, split_arguments
    from posereg.data.sources.check import check, contact_sheet

    own, overrides = split_arguments(arguments, "data check", KEYS)
    source = source_of(overrides)
    people = own.get("people", "20")
    if not people.isdecimal() or int(people) < 1:
        raise UserError(f"posereg data check: people={people} is not a number above 0")
    splits = own["split"].split(",") if "split" in own else [source.train_split, source.val_split]
    good = True
    for split in dict.fromkeys(splits):
        poses = source.read_truth(split)
        report = check(poses, _bar(f"{source.name} {split}"))
        good &= report.good
        print("\n".join(report.lines()))
        sheet = Path(own.get("out", ".")) / f"{source.name}_{split}.png"
        shown = contact_sheet(poses, sheet, int(people))
        print(f"{sheet}: {shown} people with their annotations")
    return 0 if good else 1


def _bar(title: str) -> Callable[[Iterable[int], int], Iterable[int]]:
    return lambda rows, total: tracked(rows, total, title)
