"""The commands that train a table's rows again, from the overrides that its runs were started with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from posereg.reporting.collect import Run, Table

# Overrides that say where a run goes or which of several it is, not what it trains.
ASIDE = ("seed", "runs", "run_dir", "overwrite")


def commands(results: Table) -> list[str]:
    """One command for all rows with the same overrides; `runs=` is left out, so that nothing counts as done already."""
    experiment = f"+experiments/{results.name}"
    groups: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for run in (run for row in results.rows for run in row.runs):
        stem, rest = _split(run, experiment, results)
        groups.setdefault(rest, {}).setdefault(stem, []).append(run.result["seed"])
    return [_command(experiment, rest, rows, results) for rest, rows in groups.items()]


def _split(run: Run, experiment: str, results: Table) -> tuple[str, tuple[str, ...]]:
    """The row's file, empty for a run that was none of the table's, and the other overrides."""
    given = run.result.get("overrides")
    if given is None:  # results of older versions
        return run.result["row"], (f"data={results.shared.get('dataset', 'NAME')}",)
    named = [text.partition("=")[2] for text in given if text.partition("=")[0] == experiment]
    kept = (text for text in given if text.partition("=")[0].lstrip("+") not in ASIDE)
    return named[-1] if named else "", tuple(text for text in kept if not text.startswith(f"{experiment}="))


def _command(experiment: str, rest: Sequence[str], rows: dict[str, list[int]], results: Table) -> str:
    seeds = sorted({seed for of_row in rows.values() for seed in of_row})
    everything = set(rows) == {row.name for row in results.rows}
    named = [f"{experiment}={'glob(*)' if everything else ','.join(rows)}"] if "" not in rows else []
    several = len(seeds) > 1 or len(rows) > 1
    words = [*named, *rest, f"seed={','.join(map(str, seeds))}"]
    return " ".join(["posereg train" + (" -m" if several else ""), *map(shlex.quote, words)])
