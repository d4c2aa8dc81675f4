"""A table as text: for the terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Container, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from posereg.reporting.collect import Delta, Row, Table
from posereg.reporting.learning import Learning, of_run, still_learning, trains
from posereg.reporting.markdown import escaped

MARK = "*"
RISING = "↑"
PUBLISHED = "published"
PAPERS_PAIR = "paper's Δ"
UNITS = {"params": (1e6, "M"), "macs": (1e9, "G"), "activation_bytes": (2**20, " MiB")}
NOTE = f"Δ: difference of means; {MARK}: the 95 % paired-bootstrap interval excludes zero. ±: sd over seeds."


def number(name: str, value: float | None, signed: bool = False) -> str:
    """A metric as papers print it: one decimal, counts in M or G; two digits of a count below one."""
    if value is None:
        return "–"
    scale, unit = UNITS.get(name, (1.0, ""))
    digits = ".2g" if unit and 0 < abs(value / scale) < 0.95 else ".1f"
    text = f"{value / scale:{'+' if signed else ''}{digits}}"
    return text.replace("-", "−") + unit


def ours(row: Row, name: str) -> str:
    """`87.3 ±0.2`: mean and standard deviation over seeds; the mean alone for one seed."""
    spread = row.spread(name)
    return number(name, row.mean(name)) + ("" if spread is None else f" ±{spread:.1f}")


def delta(name: str, change: Delta | None) -> str:
    """`+1.2*`: a difference, marked where its interval leaves out zero; nothing for None."""
    return (
        ""
        if change is None
        else number(name, change.value, signed=True) + (MARK if change.significant else "")
    )


def headings(table: Table) -> list[tuple[str, list[str]]]:
    """For every metric the figures shown: ours and, where they exist, paper, Δ paper, Δ to the counterpart.

    Where ours are of another data set than the paper's, the paper's own Δ to the counterpart takes Δ paper's place.
    Published metrics that ours were not scored with follow, with the paper's numbers alone.
    """
    printed = {name for row in table.rows for name in row.paper} | {
        n for _, values in table.quoted for n in values
    }
    figures_shown = []
    for name in table.columns:
        parts = ["ours"]
        if name in printed and not table.published:
            parts += ["paper"] if table.papers_data else ["paper", "Δ paper"]
        if any((row.name, name) in table.deltas for row in table.rows):
            parts.append("Δ pair")
            if "paper" in parts and table.papers_data:
                parts.append(PAPERS_PAIR)
        figures_shown.append((name, parts))
    return figures_shown + [(name, [PUBLISHED]) for name in table.published]


def figures(table: Table, row: Row, name: str) -> dict[str, str]:
    """The cells of a row under `headings`."""
    published = table.published_delta(row, name)
    return {
        "ours": ours(row, name),
        "paper": number(name, row.paper.get(name)),
        PUBLISHED: number(name, row.paper.get(name)),
        "Δ paper": number(name, row.to_paper(name), signed=True) if row.to_paper(name) is not None else "",
        "Δ pair": delta(name, table.deltas.get((row.name, name))),
        PAPERS_PAIR: "" if published is None else number(name, published, signed=True),
    }


def quoted_cell(values: dict[str, float], name: str, part: str) -> str:
    """A cell of a row that another paper published."""
    return number(name, values.get(name)) if part in ("paper", PUBLISHED) else ""


def best(table: Table, name: str) -> str | None:
    """The row with the best mean."""
    means = {row.name: mean for row in table.rows if (mean := row.mean(name)) is not None}
    if len(means) < 2:
        return None
    return (max if table.higher_is_better(name) else min)(means, key=means.__getitem__)


def seeds(row: Row, rising: Container[str]) -> str:
    """How many runs are behind a row, with a mark where one of them still learned; a dash for none."""
    return (str(len(row.runs)) + (f" {RISING}" if row.name in rising else "")) if row.runs else "–"


def as_rich(table: Table, without: Sequence[str] = (), rising: Container[str] = ()) -> RichTable:
    """The terminal's table, less the figures named in `without`; `rising` are the rows that still learn."""
    shown = [(name, [part for part in parts if part not in without]) for name, parts in headings(table)]
    grid = RichTable(box=box.SIMPLE_HEAD, title=table.heading, title_justify="left", pad_edge=False)
    grid.add_column("row", no_wrap=True)
    pair = "Δ pair" not in without
    if pair:
        grid.add_column("pair", style="dim")
    grid.add_column("seeds", justify="right", style="dim")
    for name, parts in shown:
        for k, part in enumerate(parts):
            style = {"paper": "dim", PUBLISHED: "dim", "Δ paper": "dim", PAPERS_PAIR: "dim"}.get(part, "")
            grid.add_column(f"{name if k == 0 else ''}\n{part}", justify="right", style=style, no_wrap=True)
    top = {name: best(table, name) for name, _ in headings(table)}
    for row in table.rows:
        cells: list[Any] = [row.name, *([row.compare_to or ""] if pair else []), seeds(row, rising)]
        for name, parts in shown:
            values = figures(table, row, name)
            for part in parts:
                cells.append(Text(values[part], style=_style(table, row, name, part, top[name])))
        grid.add_row(*cells)
    for method, quoted in table.quoted:
        cells = [method, *([""] if pair else []), "quoted"]
        for name, parts in shown:
            cells += [quoted_cell(quoted, name, part) for part in parts]
        grid.add_row(*cells, style="dim italic")
    return grid


def _style(table: Table, row: Row, name: str, part: str, top: str | None) -> str:
    if part == "ours":
        return "bold" if row.name == top else ""
    change = table.deltas.get((row.name, name))
    if part != "Δ pair" or change is None or not change.significant:
        return ""
    return "green" if (change.value > 0) == table.higher_is_better(name) else "red"


def show(table: Table, console: Console | None = None) -> None:
    """Print the table: in full to a file, without the less important figures in a narrow terminal."""
    console = console or Console()
    if not console.is_terminal:
        console = Console(width=250)
    differences = ("Δ paper", "Δ pair", PAPERS_PAIR)
    rising = still_learning(table)
    for without in ((), ("Δ paper",), differences, (*differences, "paper", PUBLISHED)):
        grid = as_rich(table, without, rising)
        # Measured on wide paper: a measure is clamped to its console's width.
        if Console(width=1000).measure(grid).minimum <= console.width:
            break
    console.print(grid)
    console.print(Text(NOTE, style="dim"))
    for line in remarks(table, rising):
        console.print(Text(line, style="dim"))


def _spelled(value: object) -> str:
    """A setting as a remark shows it; what was measured has many digits."""
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) and not value.is_integer() else str(value)


def remarks(table: Table, rising: Mapping[str, Learning] | None = None) -> list[str]:
    """What a reader must know besides the numbers: the protocol, what differs between rows, what was not run.

    Args:
        rising: the rows that are `still_learning`, where that was found out before.
    """
    rising = still_learning(table) if rising is None else rising
    shared = table.shared
    wanted = ("dataset", "split", "people", "images", "input_size", "flip_test", "metric", "box_source")
    settings = [f"{key} {shared[key]}" for key in wanted if key in shared and shared[key] not in (None, "")]
    lines = ["Protocol: " + ", ".join(settings)] if settings else []
    for key, values in table.differing.items():
        rows: dict[str, list[str]] = {}
        for row, value in values.items():
            rows.setdefault(_spelled(value), []).append(row)
        sides = [f"{value} ({', '.join(names)})" for value, names in rows.items()]
        lines.append(f"Rows differ in {key}: " + ", ".join(sides))
    if table.published:
        dataset = shared.get("dataset", "another data set")
        lines.append(
            f"The published numbers are of another data set and metric than ours on {dataset}: no Δ paper"
        )
    elif table.papers_data and any(row.paper for row in table.rows):
        lines.append(
            f"The published numbers are of {table.papers_data}, ours of {shared.get('dataset')}: compare what a row "
            f"gains over its pair ({PAPERS_PAIR}), not the numbers"
        )
    if rising:
        rises = [f"{row} {number(c.metric, c.rise, signed=True)} {c.metric}" for row, c in rising.items()]
        lines.append(
            f"{RISING} still learning: {', '.join(rises)}; each gained that much in the last quarter of its steps"
        )
    seen = [
        run.result["protocol"].get("validation_images_trained_on", 0)
        for row in table.rows
        for run in row.runs
    ]
    if any(seen):
        lines.append(
            f"Up to {max(seen)} of the images scored here were trained on: our accuracies say nothing of new images"
        )
    if table.note:
        lines.append(table.note)
    if absent := [row.name for row in table.rows if not row.runs]:
        lines.append("Not run: " + ", ".join(absent))
    return lines


def as_markdown(table: Table) -> str:
    """The table in GitHub's Markdown, with the note and remarks below."""
    heads = ["row", "pair", "seeds"]
    for name, parts in headings(table):
        shown = escaped(name)
        heads += [shown if part == "ours" else f"{part}<br>{shown}" for part in parts]
    top, rising = {name: best(table, name) for name, _ in headings(table)}, still_learning(table)
    lines = ["| " + " | ".join(heads) + " |", "|:--|:--|--:" + "|--:" * (len(heads) - 3) + "|"]
    for row in table.rows:
        cells = [escaped(row.name), escaped(row.compare_to or ""), seeds(row, rising)]
        for name, parts in headings(table):
            values = figures(table, row, name)
            if "ours" in parts and top[name] == row.name:
                values["ours"] = f"**{values['ours']}**"
            cells += [
                values[part].replace(MARK, "\\" + MARK) if part == "Δ pair" else values[part]
                for part in parts
            ]
        lines.append("| " + " | ".join(cells) + " |")
    for method, quoted in table.quoted:
        cells = [f"*{escaped(method)}*", "", "quoted"]
        for name, parts in headings(table):
            cells += [quoted_cell(quoted, name, part) for part in parts]
        lines.append("| " + " | ".join(cells) + " |")
    below = [NOTE.replace(MARK, "\\" + MARK), *map(escaped, remarks(table, rising))]
    return f"# {escaped(table.heading)}\n\n" + "\n".join(lines) + "\n\n" + "\n\n".join(below) + "\n"


def _learning(row: Row, rising: Container[str]) -> str:
    """`still`, `finished`, or nothing where that cannot be told."""
    if row.name in rising:
        return "still"
    trained = [run for run in row.runs if trains(run)]
    return "finished" if trained and all(of_run(run) for run in trained) else ""


def as_csv(table: Table) -> str:
    """One line per row; for every metric mean, sd, n, the published number, both deltas and the interval."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    parts = ("", " sd", " n", " paper", " delta paper", " delta pair", " delta low", " delta high")
    rising = still_learning(table)
    writer.writerow(
        ["row", "kind", "pair", "learning", *(f"{name}{part}" for name in table.columns for part in parts)]
    )
    for row in table.rows:
        line: list[Any] = [row.name, "run" if row.runs else "not run", row.compare_to or ""]
        line.append(_learning(row, rising))
        for name in table.columns:
            change = table.deltas.get((row.name, name))
            line += [
                row.mean(name),
                row.spread(name),
                len(row.values(name)),
                row.paper.get(name),
                None if table.papers_data else row.to_paper(name),
            ]
            line += [change.value, change.low, change.high] if change else [None, None, None]
        writer.writerow([round(x, 4) if isinstance(x, float) else x for x in line])
    for method, values in table.quoted:
        line = [method, "quoted", "", ""]
        for name in table.columns:
            line += [None, None, None, values.get(name), None, None, None, None]
        writer.writerow(line)
    return file.getvalue()
