"""Accuracy against the number of labelled people on the image, from the files of the runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.evaluation.pckh import by_number
from posereg.figures.canvas import canvas
from posereg.reporting.collect import Row, Table
from posereg.reporting.curves import styles
from posereg.reporting.significance import evaluation_of

MOST = 5  # images with as many people or more count together


def people_on_image(
    images: NDArray[np.integer[Any]], visibility: NDArray[np.integer[Any]]
) -> NDArray[np.int64]:
    """For each person (N,) how many people of its image have a labelled joint; `visibility` is (N, K)."""
    _, place = np.unique(images, return_inverse=True)
    labelled = (visibility > 0).any(axis=1)
    return np.asarray(np.bincount(place[labelled], minlength=int(place.max(initial=0)) + 1)[place], np.int64)


def of_row(row: Row, threshold: float) -> dict[int, tuple[float, int]] | None:
    """Total in percent, mean over seeds, and number of people, by people on the image (`MOST` = that many or more).

    None where a run left no distances, images and visibility.
    """
    by_seed = []
    for run in row.runs:
        try:
            raw = evaluation_of(run.path, run.result).per_person
        except UserError:
            return None
        if not {"distance", "images", "visibility"} <= raw.keys():
            return None
        number = np.minimum(people_on_image(raw["images"], raw["visibility"]), MOST)
        by_seed.append(by_number(raw["distance"], number, threshold))
    if not by_seed:
        return None
    numbers = sorted(set.intersection(*(set(each) for each in by_seed)))
    return {n: (float(np.mean([each[n][0] for each in by_seed])), by_seed[0][n][1]) for n in numbers}


def figure(table: Table) -> Any | None:
    """One line a row; None unless people of at least two kinds of images were scored."""
    name = next((column for column in table.columns if column.startswith(("PCKh@", "PCK@"))), None)
    if name is None:
        return None
    threshold = float(name.partition("@")[2].partition("/")[0])
    rows = {row.name: by for row in table.run_rows if (by := of_row(row, threshold))}
    numbers = sorted({n for by in rows.values() for n in by})
    if len(numbers) < 2:
        return None
    line_styles = styles(table.run_rows)
    with canvas(7.2, 3.8) as (drawn, axes):
        for row, by in rows.items():
            places = [numbers.index(n) for n in by]
            values = [value for value, _ in by.values()]
            axes.plot(
                places,
                values,
                "o",
                ms=4,
                color=line_styles[row].color,
                linestyle=line_styles[row].dash,
                lw=1.6,
                label=row,
            )
        axes.set_xticks(range(len(numbers)), _labels(numbers, next(iter(rows.values()))))
        axes.set_xlabel("labelled people on the image")
        axes.set_ylabel(f"{name} (%)")
        axes.legend(frameon=False, ncols=2)
    return drawn


def _labels(numbers: Sequence[int], by: dict[int, tuple[float, int]]) -> list[str]:
    def label(number: int) -> str:
        people = f"\n{by[number][1]:,} people" if number in by else ""
        return f"{number}{' or more' if number == MOST else ''}{people}"

    return [label(number) for number in numbers]
