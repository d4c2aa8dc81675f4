"""The report's table of maps read in several ways, from what `posereg readings` left in the runs' folders."""

from __future__ import annotations

from posereg.errors import UserError
from posereg.files import read_table
from posereg.reporting.collect import Run, Table
from posereg.runs.folder import READINGS

WAY = "read by"
KIND = "what posereg readings writes"


def of_run(run: Run) -> list[dict[str, str]]:
    """Its lines by column, the first `read by`; empty where its maps were not read.

    Raises:
        UserError: a damaged or foreign file.
    """
    path = run.folder / READINGS
    if not path.is_file():
        return []
    columns, lines = read_table(path, KIND)
    if columns[0] != WAY:
        raise UserError(f"{path}: not {KIND}: its first column must be {WAY!r}")
    return lines


def block(table: Table) -> tuple[list[str], list[tuple[str, list[str]]]] | None:
    """Heads and, for each reading of each row's first seed, the row's name and its cells; None without any."""
    found = [(row.name, line) for row in table.run_rows for line in of_run(row.runs[0])]
    if not found:
        return None
    heads = list(dict.fromkeys(name for _, line in found for name in line))
    return heads, [(row, [line.get(name) or "–" for name in heads]) for row, line in found]
