"""What a run says of the training that came before it: that of the runs whose weights it evaluates or goes on from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from posereg.reporting.learning import record
from posereg.runs import metrics_csv, results
from posereg.runs.folder import METRICS, RESULT
from posereg.runs.results import Result

AMOUNT = ("epochs", "steps", "images")
# Of the protocol: what the network was trained on, and how.
TRAINED = (
    "train_split", "train_people", "train_images", "effective_batch", "epochs", "optimizer", "schedule", "augment",
)  # fmt: skip


class Began(TypedDict):
    """Where a network stood before its run: the row that had trained it, and its steps and images up to there."""

    row: str
    steps: int
    images: int


def sources_of(folders: Sequence[Path]) -> list[Result]:
    """The results of the runs whose weights lie in these folders, with how their curves ended; none where one of the
    folders holds no result.json.

    Raises:
        UserError: a damaged result.json or metrics.csv.
    """
    if not all((folder / RESULT).exists() for folder in folders):
        return []
    found = [results.read(folder / RESULT) for folder in folders]
    for folder, source in zip(folders, found, strict=True):
        source["learning"] = _learning(folder, source)
    return found


def inherit(result: Result, sources: Sequence[Result]) -> None:
    """Add to the result of evaluated weights how much and on what their network was trained, how its curves ended, and
    as which row (`trained_as`).

    Args:
        sources: the run whose weights they are; of an ensemble its members, whose least finished curves are kept.
            Where there is none, nothing is known.
    """
    if not sources:
        return
    amount, protocol = sources[0].get("training", {}), sources[0].get("protocol", {})
    result["training"] |= {name: amount[name] for name in AMOUNT if name in amount}
    result["protocol"] |= {name: protocol[name] for name in TRAINED if name in protocol}
    result["trained_as"] = ", ".join(map(_name, sources))
    if earlier := sources[0].get("started_from"):
        result["started_from"] = earlier
    if learning := _least_finished([source["learning"] for source in sources]):
        result["learning"] = learning


def before(folder: Path) -> Began | None:
    """Where a training begins that goes on from the weights in a run's folder, with what came before that run;
    None where that is not known.

    Raises:
        UserError: a damaged result.json.
    """
    if not (folder / RESULT).exists():
        return None
    source = results.read(folder / RESULT)
    if "steps" not in source.get("training", {}):
        return None
    steps, images = trained(source)
    return {"row": _name(source), "steps": steps, "images": images}


def trained(result: Result) -> tuple[int, int]:
    """Optimiser steps and images that went into a network: those of its run, and of the runs it started from."""
    own, earlier = result.get("training", {}), result.get("started_from")
    steps, images = int(own.get("steps") or 0), int(own.get("images") or 0)
    return (steps + earlier["steps"], images + earlier["images"]) if earlier else (steps, images)


def _name(source: Result) -> str:
    row = f"{source['table']}/{source['row']}" if source.get("table") else source["row"]
    return source.get("trained_as") or f"{row} seed {source['seed']}"


def _learning(folder: Path, source: Result) -> dict[str, dict[str, Any]]:
    """What the run keeps of its curves, or the curves themselves tell."""
    kept = source.get("learning")
    lower = source.get("lower_is_better", ())
    return kept or record(metrics_csv.read(folder / METRICS), source["metrics"], lower)


def _least_finished(curves: Sequence[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The curves that all have, each as it ended where it still rose most."""
    shared = [name for name in curves[0] if all(name in one for one in curves)]
    return {name: max((one[name] for one in curves), key=lambda end: float(end["rise"])) for name in shared}
