"""All files of a table's report: table.md, table.csv, index.html and its figures as PNG and SVG."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from posereg.errors import UserError
from posereg.figures import canvas
from posereg.figures import volume as figures3d
from posereg.figures.people import Example, gallery, sheet
from posereg.files import whole_file, write_text
from posereg.records.predictions import load
from posereg.reporting import calibration, cost, crowding, curves, html, table
from posereg.reporting import error_kinds as error_bars
from posereg.reporting.collect import Table
from posereg.reporting.scored import scored_people
from posereg.runs.folder import PREDICTIONS


def write(results: Table, out: Path, pictures: int = 6, root: Path | None = None) -> Path:
    """Write the report into `out` and return the page's path. If pictures cannot be made, a remark on the page and a
    line on standard error say why.

    Args:
        pictures: how many example people.
        root: the folder of the data set; None: where its config says.
    """
    examples: list[Example] = []
    remarks = []
    if pictures:
        try:
            examples = examples_of(results, pictures, root=root)
        except UserError as error:
            remarks.append(f"No example pictures: {error}")
            print(remarks[-1], file=sys.stderr)
    for name, text in (("table.md", table.as_markdown(results)), ("table.csv", table.as_csv(results))):
        write_text(out / name, text)
    figures = figures_of(results, root)
    drawn = {name: canvas.svg(figure) for name, figure in figures.items()}
    for name, figure in figures.items():
        canvas.save(figure, out / f"{name}.png")
        write_text(out / f"{name}.svg", canvas.svg_file(drawn[name]))
    if examples:
        import cv2

        with whole_file(out / "pictures.jpg") as temporary:
            cv2.imwrite(str(temporary), sheet(examples)[..., ::-1])
    html.write(results, out / "index.html", drawn, examples, remarks)
    return out / "index.html"


def figures_of(table: Table, root: Path | None = None) -> dict[str, Any]:
    """Every figure that this table's runs allow: `curves`, `paper`, `crowding`, `errors`, `calibration`, `cost`,
    `training`."""
    lines = curves.row_curves(table)
    drawn = {
        "curves": curves.accuracy_curves(lines, curves.styles(table.run_rows), curves.metric_label(table))
        if lines
        else None,
        "paper": curves.against_paper(table),
        "crowding": crowding.figure(table),
        "errors": error_bars.figure(table, root),
        "calibration": calibration.figure(table),
        "cost": cost.figure(table),
        "training": curves.training_curves(table),
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}


def examples_of(table: Table, count: int = 6, side: int = 200, root: Path | None = None) -> list[Example]:
    """Examples from the first seed of every row.

    Raises:
        UserError: the data or the predictions are not there any more, or not the ones that were scored.
    """
    first = [row.runs[0] for row in table.run_rows]
    poses = scored_people(first[0], root)
    predictions = {run.result["row"]: load(run.folder / PREDICTIONS) for run in first}
    if all(predicted.keypoints.shape[-1] == 3 for predicted in predictions.values()):
        return figures3d.gallery(poses, predictions, count, side)
    return gallery(poses, predictions, count, side)
