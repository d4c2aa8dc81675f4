"""Tables of DeepLabCut and lightning-pose, as COCO-style content: a line a picture, columns x and y of every joint.

Four header lines: scorer, individuals (where there are several), bodyparts, coords. The first column is the picture's
path, or the first few its parts. Coordinates are pixels from 0, as they stand; what is empty is not labelled.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.files import reading

Json = dict[str, Any]
HEADS = ("scorer", "individuals", "bodyparts", "coords")
COORDS = ("x", "y", "likelihood")
Column = tuple[str, str, str]  # individual, joint, coordinate


def load(path: Path, confidence: Any = None) -> Json:
    """A table as COCO-style content of one category, `animal`, with text ids: the picture, and the individual's name.

    An individual without any coordinate on a picture is not there. Boxes lie tight about the joints.

    Args:
        confidence: the least likelihood of a labelled joint; needed where the table has a column for it.

    Raises:
        UserError: another file, or a likelihood without `confidence`.
    """
    rows = _rows(path)
    columns, first, start = _columns(rows, path)
    if any(coord == "likelihood" for _, _, coord in columns) and confidence is None:
        raise UserError(
            f"{path}: has a column likelihood; say from which on a joint counts: source.confidence: 0.5"
        )
    joints = list(dict.fromkeys(joint for _, joint, _ in columns))
    individuals = list(dict.fromkeys(individual for individual, _, _ in columns))
    images: list[Json] = []
    annotations: list[Json] = []
    for number, row in enumerate(rows[start:], start + 1):
        name = "/".join(part.strip() for part in row[:first] if part.strip())
        if not name:
            continue  # pandas' line of index names
        values = _values(row[first:], columns, f"{path}, line {number}")
        images.append({"id": name, "file_name": name})
        for individual in individuals:
            points = [
                [values.get((individual, joint, coord), math.nan) for coord in COORDS] for joint in joints
            ]
            if np.isfinite(np.array(points)[:, :2]).any():
                who = f"{name}: {individual}" if individual else name
                annotations.append(_person(who, name, points, confidence))
    if images and not any("." in Path(image["file_name"]).name for image in images):
        raise UserError(
            f"{path}: '{images[0]['file_name']}' is no picture; frames of a video must be saved as pictures"
        )
    return {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "animal", "keypoints": joints}],
    }


def together(tables: Sequence[Json], path: Path) -> Json:
    """Several tables of the same joints as one, as DeepLabCut has them: one in each video's folder.

    Raises:
        UserError: other joints; names the first table, `path`.
    """
    first = tables[0]
    for table in tables[1:]:
        if table["categories"] != first["categories"]:
            names = (", ".join(one["categories"][0]["keypoints"]) for one in (first, table))
            raise UserError(f"{path}: has the joints {next(names)}, another table {next(names)}")
    lists = {key: [one for table in tables for one in table[key]] for key in ("images", "annotations")}
    return {**lists, "categories": first["categories"]}


def columns_of(path: Path) -> list[Column]:
    """Individual (empty where there is but one), joint and coordinate of each column.

    Raises:
        UserError: another file.
    """
    return _columns(_rows(path), path)[0]


def _rows(path: Path) -> list[list[str]]:
    with (
        reading(path, "a table of DeepLabCut or lightning-pose"),
        open(path, encoding="utf-8-sig", newline="") as file,
    ):
        return [row for row in csv.reader(file) if row]


def _columns(rows: Sequence[list[str]], path: Path) -> tuple[list[Column], int, int]:
    """The columns of coordinates, the first one's place, and the first line of data."""
    heads: dict[str, list[str]] = {}
    for row in rows[: len(HEADS)]:
        if (name := row[0].strip().lower()) in HEADS:
            heads[name] = [cell.strip() for cell in row]
    coords, joints = heads.get("coords"), heads.get("bodyparts")
    if not coords or not joints:
        raise UserError(
            f"{path}: no table of DeepLabCut or lightning-pose: it needs header lines bodyparts and coords"
        )
    first = next((k for k, cell in enumerate(coords[1:], 1) if cell), len(coords))
    individuals = heads.get("individuals", [""] * len(coords))
    columns = list(zip(individuals, joints, coords, strict=False))[first:]
    odd = [coord for _, _, coord in columns if coord not in COORDS]
    if odd or not columns:
        raise UserError(f"{path}: coords must be x, y and likelihood, not '{odd[0] if odd else ''}'")
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise UserError(f"{path}: has two columns {' '.join(part for part in twice if part)}")
    return columns, first, len(heads)


def _values(cells: Sequence[str], columns: Sequence[Column], where: str) -> dict[Column, float]:
    if len(cells) != len(columns):
        raise UserError(f"{where}: {len(cells)} values, the header names {len(columns)} columns")
    found = {}
    for cell, column in zip(cells, columns, strict=True):
        try:
            found[column] = float(cell) if cell.strip() else math.nan
        except ValueError:
            raise UserError(
                f"{where}: '{cell}' of {' '.join(part for part in column if part)} is no number"
            ) from None
    return found


def box_about(points: NDArray[np.float64]) -> list[float]:
    """x y width height about the points (K, 2) that are finite, from the first to the last pixel."""
    known = points[np.isfinite(points).all(axis=1)]
    low, high = (known.min(axis=0), known.max(axis=0)) if len(known) else (np.zeros(2), np.zeros(2))
    return [*low.tolist(), *(high - low + 1).tolist()]


def _person(who: str, image: str, points: list[list[float]], confidence: Any) -> Json:
    """One annotation: where only one of x and y is given, or an infinite one, the reader counts the joint."""
    keypoints = np.array(points)
    labelled = ~np.isnan(keypoints[:, :2]).all(axis=1)
    keypoints[:, 2] = np.where(labelled, 2.0 if confidence is None else np.nan_to_num(keypoints[:, 2]), 0)
    return {
        "id": who,
        "image_id": image,
        "category_id": 1,
        "bbox": box_about(keypoints[:, :2]),
        "keypoints": keypoints.ravel().tolist(),
    }
