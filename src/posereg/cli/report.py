"""`posereg report`: any runs side by side."""

from __future__ import annotations

from pathlib import Path

from posereg.cli.spec import DIR, EXISTING_DIR, NAME, TEXT, Command, Option, listed, whole

COMMAND = Command(
    "report",
    "any runs side by side: table, accuracy curves, example pictures",
    """
    Runs of one table or of several: the printed table, and the same page, Markdown, CSV and figures (accuracy
    curves among them) as `posereg table` writes for a published table.
    """,
    options=(
        Option("runs", listed(EXISTING_DIR), "folders of runs", required=True),
        Option("out", DIR, "where the page goes", required=True),
        Option("title", TEXT, "title of the page", default="Selected runs"),
        Option("data", NAME, "keep to one data set"),
        Option("pictures", whole(0), "example people, 0 for none", default=6),
        Option("root", EXISTING_DIR, "folder of the data set", default_text="where its config says"),
    ),
    examples=("posereg report runs=runs/a,runs/b out=report title='Two trunks'",),
)


def run(runs: list[Path], out: Path, title: str, data: str | None, pictures: int, root: Path | None) -> int:
    """Print the table and write the page.

    Raises:
        UserError: no results, or results of two protocols.
    """
    from posereg.reporting import collect, report, table
    from posereg.runs import collector

    collector.until_the_end()
    comparison = collect.selection(runs, title, data, root=root)
    table.show(comparison)
    print(f"report: {report.write(comparison, out, pictures, root)}")
    return 0
