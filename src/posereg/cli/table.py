"""`posereg table`: a table's results beside the paper's."""

from __future__ import annotations

from pathlib import Path

from posereg.cli.spec import DIR, EXISTING_DIR, NAME, Command, Kind, Option, listed, whole

TABLE = Kind("PAPER/TABLE", lambda text: text.strip("/"))
COMMAND = Command(
    "table",
    "lay a table's results beside the paper's: terminal, Markdown, CSV and HTML",
    """
    Collects the results of a table's rows below the runs, prints them beside the paper's numbers, and writes
    table.md, table.csv, index.html and the figures.
    """,
    positional=(Option("table", TABLE, "a folder of experiments/, e.g. integral/table2", required=True),),
    options=(
        Option("runs", listed(EXISTING_DIR), "folders of runs", default_text="runs"),
        Option("out", DIR, "where the page goes", default_text="<runs>/tables/<paper>_<table>"),
        Option("data", NAME, "keep to one data set"),
        Option("pictures", whole(0), "example people, 0 for none", default=6),
        Option("root", EXISTING_DIR, "folder of the data set", default_text="where its config says"),
    ),
    examples=("posereg table integral/table2 runs=runs/demo",),
)


def run(
    table: str, runs: list[Path] | None, out: Path | None, data: str | None, pictures: int, root: Path | None
) -> int:
    """Print the table and write the page.

    Raises:
        UserError: no such table, no results, or results of two protocols.
    """
    from posereg import config
    from posereg.cli.runs_folder import runs_or_default
    from posereg.reporting import collect, report
    from posereg.reporting import table as printed
    from posereg.runs import collector

    collector.until_the_end()
    folders = runs_or_default(runs)
    results = collect.collect(table, folders, config.experiments(), data, root=root)
    printed.show(results)
    out = out or folders[0] / "tables" / table.replace("/", "_")
    print(f"report: {report.write(results, out, pictures, root)}")
    return 0
