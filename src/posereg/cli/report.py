"""posereg report runs=DIR,DIR ... out=DIR [title=TEXT] [data=NAME] [pictures=N]

Lays any runs side by side, of one table or of several: the printed table, and the same page, Markdown, CSV and
figures (accuracy curves like the integral paper's Figure 3 among them) as `posereg table` writes for a published table.
"""

from __future__ import annotations

from pathlib import Path

from posereg.cli._arguments import parse
from posereg.errors import UserError

HELP = "any runs side by side: table, accuracy curves, example pictures"


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: a folder that is not there, no results, or results of two protocols.
    """
    options = parse(arguments, "report", ("runs", "out", "title", "data", "pictures"))
    for key in ("runs", "out"):
        if not options.get(key):
            raise UserError(f"posereg report: {key}= is missing")
    count = options.get("pictures", "6")
    if not count.isdecimal():
        raise UserError(f"posereg report: pictures={count} is not a number of pictures")
    folders = [Path(folder) for folder in options["runs"].split(",")]
    if missing := [folder for folder in folders if not folder.is_dir()]:
        raise UserError(f"posereg report: runs={missing[0]}: no such folder")

    from posereg.reporting import collect, report, table

    found = collect.selection(folders, options.get("title", "Selected runs"), options.get("data"))
    table.show(found)
    print(f"report: {report.write(found, Path(options['out']), int(count))}")
    return 0
