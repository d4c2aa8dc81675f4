"""From result files to a table: rows with mean and spread over seeds, deltas to the paper and to a counterpart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from posereg.errors import UserError, nearest
from posereg.reporting import protocol
from posereg.reporting.columns import COSTS, columns_of, higher_is_better, measured, said_lower, united
from posereg.reporting.experiments import Definition, definition
from posereg.reporting.significance import intervals
from posereg.runs import metrics_csv, results
from posereg.runs.folder import METRICS
from posereg.runs.metrics_csv import Rows
from posereg.runs.results import Result


@dataclass(frozen=True)
class Run:
    """A result.json: its path and its checked content."""

    path: Path
    result: Result

    @property
    def folder(self) -> Path:
        """Where its other files lie."""
        return self.path.parent

    @cached_property
    def noted(self) -> dict[str, Any]:
        """What was found out from its files before, by a name for it."""
        return {}

    @cached_property
    def curves(self) -> Rows:
        """The rows of its metrics.csv; empty if there is none.

        Raises:
            UserError: a damaged metrics.csv.
        """
        return metrics_csv.read(self.folder / METRICS)

    def own_file(self, name: object) -> Path | None:
        """A file that the result names, if it lies in the run's own folder; None if not."""
        if not isinstance(name, str):
            return None
        path = (self.folder / name).resolve()
        return path if path.is_file() and path.is_relative_to(self.folder.resolve()) else None

    def value(self, name: str) -> float | None:
        """A metric, or a figure of the network or the training; None where it is undefined."""
        for part in ("metrics", "complexity", "training"):
            value = self.result.get(part, {}).get(name)  # type: ignore[attr-defined]
            if value is not None and math.isfinite(value):
                return float(value)
        return None


@dataclass(frozen=True)
class Delta:
    """A difference of means; with `low` and `high` (95 % paired bootstrap) where both sides can be resampled."""

    value: float
    against: str
    low: float | None = None
    high: float | None = None

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        runs: one a seed; none where the row was not run. paper: the published numbers, by metric.
        compare_to: the row that it is set against.
    """

    name: str
    runs: tuple[Run, ...] = ()
    paper: dict[str, float] = field(default_factory=dict)
    compare_to: str | None = None

    @property
    def seeds(self) -> list[int]:
        """The seeds of its runs, in their order."""
        return [run.result["seed"] for run in self.runs]

    def values(self, name: str) -> list[float]:
        """A metric, a value a seed; seeds without it are left out."""
        if name not in self._values:
            found = (run.value(name) for run in self.runs)
            self._values[name] = [value for value in found if value is not None]
        return self._values[name]

    @cached_property
    def _values(self) -> dict[str, list[float]]:
        return {}

    def mean(self, name: str) -> float | None:
        """Mean of a metric over seeds; None where no seed has it."""
        values = self.values(name)
        return statistics.fmean(values) if values else None

    def spread(self, name: str) -> float | None:
        """Sample standard deviation over seeds; None for fewer than two."""
        values = self.values(name)
        return statistics.stdev(values) if len(values) > 1 else None

    def to_paper(self, name: str) -> float | None:
        """Our mean less the paper's number; None where one is missing."""
        mean, paper = self.mean(name), self.paper.get(name)
        return None if mean is None or paper is None else mean - paper


@dataclass(frozen=True)
class Table:
    """`published`: metrics of the paper that our runs were not scored with, shown for orientation alone. `papers_data`:
    the data set of the published numbers where ours is another one, so that only differences of rows compare."""

    name: str
    title: str
    paper: str
    columns: list[str]
    rows: list[Row]
    published: list[str]
    deltas: dict[tuple[str, str], Delta]
    quoted: tuple[tuple[str, dict[str, float]], ...]
    shared: dict[str, Any]
    differing: dict[str, dict[str, Any]]
    note: str = ""
    papers_data: str = ""

    def higher_is_better(self, name: str) -> bool:
        """Whether more of a metric is better, as the evaluators of its runs say."""
        return higher_is_better(name, self._lower)

    @cached_property
    def _lower(self) -> frozenset[str]:
        return said_lower(run.result for row in self.rows for run in row.runs)

    @property
    def heading(self) -> str:
        """What stands above it: the paper and its table, or the title of runs that were selected."""
        return self.paper or self.title or self.name

    @property
    def run_rows(self) -> list[Row]:
        """The rows that were run."""
        return [row for row in self.rows if row.runs]

    def published_delta(self, row: Row, name: str) -> float | None:
        """The paper's number of a row less that of its counterpart; None where one is missing."""
        other = self.row(row.compare_to or "")
        mine, base = row.paper.get(name), other.paper.get(name) if other else None
        return None if mine is None or base is None else mine - base

    def row(self, name: str) -> Row | None:
        """The row of that name; None where there is none."""
        return next((row for row in self.rows if row.name == name), None)


def collect(
    name: str,
    runs: Path | Sequence[Path],
    experiments: Path | None = None,
    data: str | None = None,
    root: Path | None = None,
) -> Table:
    """The table `<paper>/<table>` from all result.json below `runs`.

    Args:
        experiments: folder of the published rows; they give order, published numbers and counterparts.
        data: only runs on this data set.
        root: its folder, which intervals of AP by size read again; None: where its config says.

    Raises:
        UserError: no results, or results of two protocols.
    """
    folders = [runs] if isinstance(runs, Path) else list(runs)
    everything = [pair for folder in folders for pair in results.find(folder)]
    chosen = [pair for pair in everything if pair[1].get("table") == name and _is_on(pair[1], data)]
    published = definition(name, experiments) if experiments else Definition(name)
    if not chosen:
        raise UserError(_nothing(name, folders, everything, published, data))
    protocol.check(name, chosen, published.varies)
    return build(published, chosen, root)


def selection(
    folders: Sequence[Path], title: str = "Selected runs", data: str | None = None, root: Path | None = None
) -> Table:
    """Any runs side by side, whatever their tables; where two rows share a name, the table's is put before it.

    Raises:
        UserError: no results, or results of two protocols.
    """
    everything = list(
        {path.resolve(): (path, r) for folder in folders for path, r in results.find(folder)}.values()
    )
    chosen = [(path, result) for path, result in everything if _is_on(result, data)]
    if not chosen:
        raise UserError(_nothing("of any run", folders, [], Definition(""), data))
    tables: dict[str, set[str | None]] = {}
    for _, result in chosen:
        tables.setdefault(result["row"], set()).add(result.get("table"))
    named: list[tuple[Path, Result]] = []
    for path, result in chosen:
        clash = len(tables[result["row"]]) > 1
        named.append((path, {**result, "row": f"{result.get('table')} {result['row']}"} if clash else result))
    protocol.check("selected runs", named)
    return build(Definition("", title=title), named, root)


def build(published: Definition, chosen: Sequence[tuple[Path, Result]], root: Path | None = None) -> Table:
    """The table of these results, rows in published order, then by name."""
    members: dict[str, list[Run]] = {row: [] for row in published.rows}
    for path, result in chosen:
        members.setdefault(result["row"], []).append(Run(path, result))
    rows = []
    for row, its in members.items():
        own: dict[str, Any] = dict(its[0].result.get("config", {})) if its else {}
        yaml = published.rows.get(row, {})
        paper = (its[0].result.get("paper") if its else None) or yaml.get("paper") or {}
        ordered = tuple(sorted(its, key=lambda run: run.result["seed"]))
        rows.append(Row(row, ordered, dict(paper), yaml.get("compare_to") or own.get("compare_to")))
    columns = list(published.columns)
    if not columns or not any(measured(result, columns[0]) for _, result in chosen):
        columns = united([columns_of(result) for _, result in chosen])
    named = united([list(row.paper) for row in rows])
    comparable = not named or any(measured(result, named[0]) for _, result in chosen)
    shared, differing = protocol.summary(chosen)
    return Table(
        name=published.name,
        title=published.title,
        paper=published.paper,
        columns=columns,
        rows=rows,
        published=[] if comparable else named,
        deltas=_deltas(rows, columns, root),
        quoted=published.quoted,
        shared=shared,
        differing=differing,
        note=published.note,
        papers_data="" if shared.get("dataset", published.data) == published.data else published.data,
    )


def _deltas(rows: Sequence[Row], columns: Sequence[str], root: Path | None) -> dict[tuple[str, str], Delta]:
    """Difference of every row to its counterpart, by (row, column), where both were run."""
    by_name = {row.name: row for row in rows}
    deltas = {}
    for row in rows:
        other = by_name.get(row.compare_to or "")
        if other is None:
            continue
        changes = {
            column: mean - base
            for column in columns
            if column not in COSTS
            and (mean := row.mean(column)) is not None
            and (base := other.mean(column)) is not None
        }
        theirs, ours = ([(run.path, run.result) for run in side.runs] for side in (other, row))
        bounds = intervals(theirs, ours, list(changes), root) if changes else {}
        for column, change in changes.items():
            deltas[row.name, column] = Delta(change, other.name, *bounds.get(column, (None, None)))
    return deltas


def _is_on(result: Result, data: str | None) -> bool:
    name = (result.get("config", {}).get("data") or {}).get("name")
    return data is None or data in (name, result.get("protocol", {}).get("dataset"))


def _nothing(
    name: str,
    folders: Sequence[Path],
    everything: Sequence[tuple[Path, Result]],
    published: Definition,
    data: str | None,
) -> str:
    where = ", ".join(map(str, folders))
    tables = sorted({str(result.get("table")) for _, result in everything})
    if name in tables and data is not None:
        return f"{where}: no result of {name} on data={data}"
    if tables:
        return f"{where}: no result of table '{name}'{nearest(name, tables)}"
    known = "" if published.rows else f" (and there is no table experiments/{name})"
    return (
        f"{where}: no result.json below it{known}; train the rows first, or name another folder with runs=DIR"
    )
