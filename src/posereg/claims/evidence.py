"""The results a claim can be judged by: campaigns of runs, rows in them, and what makes rows comparable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posereg.claims.definition import Contrast
from posereg.errors import UserError
from posereg.files import read_yaml
from posereg.reporting import protocol
from posereg.reporting.collect import Run
from posereg.runs import results
from posereg.runs.results import Result

Rows = Mapping[str, tuple[Run, ...]]
# Rows whose training differs in these are not compared, unless the claim is about it. The page names their steps.
FAIR = ("train_split", "train_people", "train_images", "effective_batch", "input_scale", "width")
# Keys of a row's file that name and place it and do not change the run.
NAMES = ("defaults", "table", "row", "compare_to", "paper", "report", "tags")


@dataclass(frozen=True)
class Campaign:
    """Runs that lie in one folder `<name>/<table>/<row>/seed<k>/` and were evaluated on one data set.

    Attributes:
        name: the folder, relative to the runs; rows: `integral/table2/H1` -> its seeds.
    """

    name: str
    data: str
    rows: Rows

    @property
    def real(self) -> bool:
        """Whether the pictures are photographs, not drawn ones."""
        return not self.data.startswith("synthetic")


def campaigns(folders: Sequence[Path]) -> list[Campaign]:
    """All campaigns below the folders, by name."""
    by_campaign: dict[tuple[str, str], dict[str, list[Run]]] = {}
    for folder in folders:
        for path, result in results.find(folder):
            if not result.get("table"):
                continue
            key = (_campaign(path, result, folder), data_name(result))
            row = f"{result['table']}/{result['row']}"
            by_campaign.setdefault(key, {}).setdefault(row, []).append(Run(path, result))
    return [
        Campaign(
            name,
            data,
            {row: tuple(sorted(runs, key=lambda run: run.result["seed"])) for row, runs in rows.items()},
        )
        for (name, data), rows in sorted(by_campaign.items())
    ]


def data_name(result: Result) -> str:
    """The data set as the configuration calls it, else as the evaluator does."""
    configured = (result.get("config", {}).get("data") or {}).get("name")
    return str(configured or result.get("protocol", {}).get("dataset", "unknown"))


def resolve(contrast: Contrast, rows: Rows, experiments: Path | None = None) -> tuple[list[str], list[str]]:
    """The row taken for each term, and the rows that no run stands for (their first choice).

    A stand-in must have run with the settings of the row it stands for, as experiments/<row>.yaml gives them.
    """
    taken = []
    for term in contrast.terms:
        first, *others = term.rows
        fitting = [
            row
            for row in others
            if row in rows and (experiments is None or _fits(first, rows[row], experiments))
        ]
        taken.append(first if first in rows else next(iter(fitting), ""))
    missing = [term.rows[0] for term, row in zip(contrast.terms, taken, strict=True) if not row]
    return taken, list(dict.fromkeys(missing))


def _fits(row: str, runs: Sequence[Run], experiments: Path) -> bool:
    """Whether runs of another row have this row's backbone and, where their method has them, its settings."""
    path = experiments / f"{row}.yaml"
    if not path.exists():
        return False
    content = read_yaml(path, "a row of a table")
    wanted = _leaves({key: value for key, value in content.items() if key not in NAMES})
    wanted.pop(("method", "pretrain"), None)
    for default in content.get("defaults", []):
        if isinstance(default, Mapping) and "override /backbone" in default:
            wanted["backbone", "name"] = default["override /backbone"]
    return all(
        _at(run.result.get("config", {}), path, value) == value
        for path, value in wanted.items()
        for run in runs
    )


def _leaves(node: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    leaves: dict[tuple[str, ...], Any] = {}
    for key, value in node.items():
        inner = isinstance(value, Mapping) and value
        leaves |= _leaves(value, (*path, key)) if inner else {(*path, key): value}
    return leaves


def _at(config: Any, path: tuple[str, ...], missing: Any) -> Any:
    """The setting at a path, `missing` where there is none; of a trunk its network, without timm's tag, which says
    which weights."""
    for key in path:
        if not isinstance(config, Mapping) or key not in config:
            return missing
        config = config[key]
    if path == ("backbone", "name") and isinstance(config, str):
        return config.partition(".")[0]
    return missing if isinstance(config, Mapping) and config else config


def check(name: str, rows: Rows, varies: Sequence[str]) -> None:
    """
    Raises:
        UserError: the rows were measured, or trained, under two protocols; or the seeds of a row differ.
    """
    measured: list[tuple[Path, Result]] = []
    for row, runs in rows.items():
        for run in runs:
            renamed: Result = {**run.result, "row": row}
            measured.append((run.path, renamed))
    for row, runs in rows.items():
        seeds = [run.result["seed"] for run in runs]
        if len(set(seeds)) < len(seeds):
            raise UserError(
                f"{name}: {row} has two runs of one seed: {', '.join(str(run.path) for run in runs)}"
            )
    protocol.check(name, measured, varies)
    for key in FAIR:
        values = {
            json.dumps(run.result.get("protocol", {}).get(key)): row
            for row, runs in rows.items()
            for run in runs
        }
        if len(values) > 1 and key not in varies:
            sides = "; ".join(f"{value} in {row}" for value, row in values.items())
            raise UserError(f"{name}: the compared rows were trained differently: {key} is {sides}")


def _setting(result: Result, key: str) -> Any:
    return result.get("protocol", {}).get(key, result.get("config", {}).get(key))


def _campaign(path: Path, result: Result, folder: Path) -> str:
    """`lspet` of lspet/integral/table2/H1/seed0/result.json, as runs lie, and of integral_table2_lspet/H1/seed0, as
    results are kept; for any other layout the parts before the row's folder."""
    parts = path.relative_to(folder).parts[:-1]
    inner = (*str(result["table"]).split("/"), result["row"])
    place = parts[:-1] if parts[-1:] and parts[-1].startswith("seed") else parts
    kept = str(result["table"]).replace("/", "_") + "_"
    if place[-1:] == (result["row"],) and len(place) > 1 and place[-2].startswith(kept):
        return "/".join((*place[:-2], place[-2].removeprefix(kept)))
    if place[-len(inner) :] == inner:
        place = place[: -len(inner)]
    return "/".join(place) or "."
