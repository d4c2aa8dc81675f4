"""A published table as files: its rows' yaml, and beside them `table.toml` and `quoted.csv`, both optional.

    title = "Comparison of heat map, regression and integral methods"
    paper = "Integral Human Pose Regression, Table 2"
    data = "mpii"                   # the data set of the published numbers
    order = ["H1", "H2"]            # rows; others follow by name
    columns = ["PCKh@0.5", "AUC"]   # default: what the rows' `paper` names
    varies = ["input_size"]         # protocol keys in which this table's rows differ on purpose
    note = "..."                    # what readers must know about the published numbers

`quoted.csv` holds other people's published numbers: a column `method`, then metrics by name.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posereg.errors import UserError, nearest
from posereg.files import read_table, read_text, read_yaml

KEYS = ("title", "paper", "data", "order", "columns", "varies", "note")


@dataclass(frozen=True)
class Definition:
    """A table as published. `rows`: name -> the row's yaml; `data`: of the numbers; `quoted`: (method, metrics)."""

    name: str
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    title: str = ""
    paper: str = ""
    data: str = ""
    columns: tuple[str, ...] = ()
    varies: tuple[str, ...] = ()
    note: str = ""
    quoted: tuple[tuple[str, dict[str, float]], ...] = ()


def definition(name: str, folder: Path) -> Definition:
    """The table `<paper>/<table>` below the experiments folder; an empty one if it is not published there.

    Raises:
        UserError: an unknown key in table.toml or a quoted number that is none.
    """
    place = folder / name
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(place.glob("*.yaml")):
        content = read_yaml(path, "a row of a table")
        rows[str(content.get("row", path.stem))] = content
    settings = _settings(place / "table.toml")
    order = [str(row) for row in settings.get("order", [])]
    if unknown := [row for row in order if row not in rows]:
        raise UserError(f"{place / 'table.toml'}: order names row '{unknown[0]}'{nearest(unknown[0], rows)}")
    return Definition(
        name=name,
        rows={row: rows[row] for row in [*order, *(row for row in rows if row not in order)]},
        title=settings.get("title", ""),
        paper=settings.get("paper", ""),
        data=settings.get("data", ""),
        columns=tuple(settings.get("columns", ())),
        varies=tuple(settings.get("varies", ())),
        note=settings.get("note", ""),
        quoted=quoted(place / "quoted.csv"),
    )


def quoted(path: Path) -> tuple[tuple[str, dict[str, float]], ...]:
    """(method, metrics) of every line; empty cells are numbers that the source does not give.

    Raises:
        UserError: no `method` column, or a cell that is not a number.
    """
    if not path.exists():
        return ()
    columns, lines = read_table(path, "a table of quoted numbers")
    if "method" not in columns:
        raise UserError(f"{path}: the first line must name a column 'method'")
    quoted = []
    for number, line in enumerate(lines, start=2):
        method = line.pop("method")
        try:
            quoted.append((method, {name: float(value) for name, value in line.items() if value}))
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from error
    return tuple(quoted)


def _settings(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        settings = tomllib.loads(read_text(path, "a table.toml"))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: {error}") from error
    for key in settings:
        if key not in KEYS:
            raise UserError(f"{path}: unknown key '{key}'{nearest(key, KEYS)}")
    return settings
