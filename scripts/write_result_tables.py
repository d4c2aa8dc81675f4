"""Write the tables of docs/results.md anew from results/: python scripts/write_result_tables.py

A table stands between `<!-- results/<folder> -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from posereg import config
from posereg.reporting import collect, table
from posereg.reporting.collect import Delta, Row, Table
from posereg.reporting.columns import COSTS, columns_of, measured
from posereg.reporting.experiments import definition
from posereg.runs import results
from posereg.runs.results import Result

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/results.md"
PLACE = re.compile(r"(<!-- (results/\w+) -->\n).*?(<!-- end -->)", re.S)


def written(text: str) -> str:
    """The page with every table as results/ has it now."""
    return PLACE.sub(lambda place: f"{place[1]}\n{compact(ROOT / place[2])}\n\n{place[3]}", text)


def compact(folder: Path) -> str:
    """The table of `results/<paper>_<table>_<data>` with the difference to a row's pair in brackets."""
    paper, number, _ = folder.name.split("_", 2)
    name = f"{paper}/{number}"
    runs = results.find(folder)
    published = definition(name, config.experiments())
    columns = totals(published.columns, runs[0][1])
    published = replace(published, columns=tuple(columns))
    collected = collect.build(published, runs)
    lines = [["row", "pair", "seeds", *columns], ["---"] * 2 + ["--:"] * (len(columns) + 1)]
    for row in collected.run_rows:
        cells = [cell(collected, row, name) for name in columns]
        lines.append([row.name, row.compare_to or "", str(len(row.runs)), *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def totals(columns: Sequence[str], result: Result) -> list[str]:
    """The columns without the costs and the single joints, and with the tight threshold and the area of a curve."""
    shown = list(columns) if columns and measured(result, columns[0]) else columns_of(result)
    shown = [name for name in shown if name not in COSTS and not name.startswith("PCKh@0.5/")]
    return shown + [name for name in ("PCKh@0.1", "AUC") if name not in shown and measured(result, name)]


def cell(collected: Table, row: Row, name: str) -> str:
    """Mean, sd over seeds, and the difference to the pair: bold where its interval excludes zero."""
    return table.ours(row, name) + bracket(name, collected.deltas.get((row.name, name)))


def bracket(name: str, difference: Delta | None) -> str:
    """` (+1.2)`, or nothing where there is no pair."""
    if difference is None:
        return ""
    value = table.number(name, difference.value, signed=True)
    return f" (**{value}**)" if difference.significant else f" ({value})"


def main() -> int:
    """Rewrite the page; says whether anything changed."""
    old = PAGE.read_text()
    new = written(old)
    PAGE.write_text(new)
    print(f"{PAGE}: {'unchanged' if new == old else 'written anew'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
