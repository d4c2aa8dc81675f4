"""posereg table <paper>/<table> [runs=DIR,DIR ...] [out=DIR] [data=NAME] [pictures=N]

Collects the results of a table's rows below runs (default: runs), prints them beside the paper's numbers, and
writes table.md, table.csv, index.html and the figures to out (default: <runs>/tables/<paper>_<table>).
data keeps to one data set, pictures sets the number of example people (default 6, 0 for none).
"""

from __future__ import annotations

from pathlib import Path

from posereg.cli._arguments import parse
from posereg.errors import UserError

HELP = "lay a table's results beside the paper's: terminal, Markdown, CSV and HTML"


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: no such table, no results, or results of two protocols.
    """
    options = parse(arguments, "table", ("runs", "out", "data", "pictures"), positional=1)
    if "0" not in options:
        raise UserError("posereg table: name a table, e.g. posereg table integral/table2 runs=runs")
    name = options["0"].strip("/")
    count = options.get("pictures", "6")
    if not count.isdecimal():
        raise UserError(f"posereg table: pictures={count} is not a number of pictures")
    runs = [Path(folder) for folder in options.get("runs", "runs").split(",")]
    if missing := [folder for folder in runs if not folder.is_dir()]:
        raise UserError(f"posereg table: runs={missing[0]}: no such folder")
    out = Path(options.get("out") or runs[0] / "tables" / name.replace("/", "_"))

    from posereg import config
    from posereg.reporting import collect, report, table

    found = collect.collect(name, runs, config.experiments(), options.get("data"))
    table.show(found)
    print(f"report: {report.write(found, out, int(count))}")
    return 0
