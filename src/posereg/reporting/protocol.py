"""Decides which numbers may share a column: those measured on the same people in the same way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from posereg.config import current_target
from posereg.errors import UserError
from posereg.runs import folder as run_records
from posereg.runs.results import Result

# Rows of a column must agree on these, except where the table varies one on purpose.
COMPARABLE = (
    "dataset", "split", "annotation_hash", "images", "people", "joints_counted", "people_without_head",
    "box_source", "box_file_hash", "flip_test", "scales", "nms", "pose_score", "metric", "metric_version", "input_size",
    "convention",
)  # fmt: skip
# Seeds of a row must agree on these too.
TRAINED = ("train_split", "train_people", "train_images", "effective_batch", "precision")

# Paths differ between machines; the hashes of annotations and boxes identify the files.
PLACES = (".root", ".annotations", ".weights", ".boxes")

Results = Sequence[tuple[Path, Result]]


def check(table: str, results: Results, varies: Sequence[str] = ()) -> None:
    """
    Raises:
        UserError: two protocols in one column, or two configurations among the seeds of a row; names what differs
            and the files.
    """
    protocols = [_kept(result.get("protocol", {}), COMPARABLE) for _, result in results]
    for key in _differing(protocols):
        if key not in varies:
            sides = [(path, values[key]) for (path, _), values in zip(results, protocols, strict=True)]
            _agree(table, key, sides, "column")
    rows: dict[str, list[tuple[Path, Result]]] = {}
    for path, result in results:
        rows.setdefault(result["row"], []).append((path, result))
    for row, members in rows.items():
        measured = [_kept(result.get("protocol", {}), (*COMPARABLE, *TRAINED)) for _, result in members]
        identities = [_unseeded(run_records.identity(result.get("config", {}))) for _, result in members]
        groups = [key for key in _differing(identities) if key != "init_weights"]
        settings = [_settings(_kept(identity, groups)) for identity in identities]
        for part, keys in ((measured, _differing(measured)), (settings, sorted(_differing(settings)))):
            for key in keys:
                sides = [(path, values.get(key)) for (path, _), values in zip(members, part, strict=True)]
                _agree(f"{table} row {row}", key, sides, "row")


def _differing(sides: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys, in order of first mention, whose values are not all the same: hundreds of seeds that agree need no
    look at each key."""
    if len({_text(side) for side in sides}) < 2:
        return []
    keys = dict.fromkeys(key for side in sides for key in side)
    return [key for key in keys if len({_text(side.get(key)) for side in sides}) > 1]


_text = json.JSONEncoder(sort_keys=True).encode


def _kept(protocol: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: protocol.get(key) for key in keys}


def summary(results: Results) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What all runs share, and per key that differs its value by row."""
    keys = list(dict.fromkeys(key for _, result in results for key in result.get("protocol", {})))
    shared, differing = {}, {}
    for key in keys:
        by_row = {result["row"]: result.get("protocol", {}).get(key) for _, result in results}
        if len({json.dumps(value, sort_keys=True) for value in by_row.values()}) == 1:
            shared[key] = next(iter(by_row.values()))
        else:
            differing[key] = by_row
    return shared, differing


def _unseeded(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Without the seeds of the run and of its groups, so that runs that differ in no more are told at a glance."""
    rest = {
        name: {k: v for k, v in part.items() if k != "seed"} if isinstance(part, dict) else part
        for name, part in identity.items()
        if name != "seed"
    }
    return {name: part for name, part in rest.items() if part != {}}


def _settings(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of a configuration, or a part of it, that decide a run's numbers, under today's names; no seed,
    wherever it is repeated."""
    leaves: dict[str, Any] = {}

    def walk(node: Any, path: str) -> None:
        if isinstance(node, dict) and node:
            for key, value in node.items():
                walk(value, f"{path}.{key}" if path else str(key))
        elif not path.endswith(PLACES) and path.rpartition(".")[2] != "seed":
            former = path.endswith("._target_") and isinstance(node, str)
            leaves[f"config {path}"] = current_target(node) if former else node

    walk(dict(identity), "")
    return leaves


def _agree(where: str, key: str, values: Sequence[tuple[Path, Any]], kind: str) -> None:
    groups: dict[str, list[Path]] = {}
    for path, value in values:
        groups.setdefault(json.dumps(value, sort_keys=True), []).append(path)
    if len(groups) < 2:
        return
    sides = [
        f"{value} in {paths[0]}" + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
        for value, paths in groups.items()
    ]
    raise UserError(
        f"{where}: one {kind} cannot hold two protocols: {key} is {'; '.join(sides)}. Name one set of runs with "
        "runs=DIR or data=NAME"
    )
