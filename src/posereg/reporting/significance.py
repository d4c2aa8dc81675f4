"""The confidence intervals of deltas, from the files of the runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.records import predictions
from posereg.records.arrays import Kept
from posereg.records.evaluation import Evaluation
from posereg.reporting.data_set import source_of
from posereg.runs import results
from posereg.runs.folder import EVALUATION, PREDICTIONS
from posereg.runs.results import Result

BY_SIZE = ("AP_", "AR_")
_kept = Kept("the arrays of an evaluation", 256 * 2**20)


def interval(
    first: Sequence[Path], second: Sequence[Path], metric: str, root: Path | None = None
) -> tuple[float, float] | None:
    """`intervals` of one metric; None where it has none."""
    sides = [[(path, results.read(path)) for path in paths] for paths in (first, second)]
    return intervals(sides[0], sides[1], [metric], root).get(metric)


def intervals(
    first: Sequence[tuple[Path, Result]],
    second: Sequence[tuple[Path, Result]],
    metrics: Sequence[str],
    root: Path | None = None,
) -> dict[str, tuple[float, float]]:
    """95 % intervals of metric(second) - metric(first), over images and seeds (paired bootstrap).

    Args:
        first, second: result.json of one row's seeds each, by path; evaluation.npz lies beside them, and is read once
            for all metrics.
        root: the folder of the data set, which intervals of AP by size read again; None: where its config says.

    Returns:
        By metric; without those that cannot be resampled, and empty where the raw material is missing or of different
        people.
    """
    found: dict[str, tuple[float, float]] = {}
    drawn = [metric for metric in metrics if not metric.startswith(BY_SIZE)]
    with suppress(UserError, ImportError):
        if len(drawn) < len(metrics) and len(first) == len(second) == 1:
            # hotcoco draws the images of these, for one seed a side.
            by_size = _oks(first[0][0], second[0][0], root)
            found |= {
                metric: by_size[metric] for metric in metrics if metric in by_size and metric not in drawn
            }
    if not drawn:
        return found
    with suppress(UserError, ImportError):
        from posereg.evaluation import bootstrap

        sides = [[evaluation_of(*run) for run in runs] for runs in (first, second)]
        images = images_of(first[0][0].parent, sides[0][0])
        for metric in drawn:
            with suppress(UserError):
                difference = bootstrap.paired(sides[0], sides[1], metric, images)
                found[metric] = difference.low, difference.high
    return found


@lru_cache(maxsize=64)
def _oks(first: Path, second: Path, root: Path | None) -> dict[str, tuple[float, float]]:
    """95 % intervals of the differences of all OKS metrics of two runs; empty if the whole split was not scored."""
    from posereg.evaluation.bootstrap import oks_intervals

    result = results.read(first)
    truth = source_of(result, first, root).read_truth(result["protocol"]["split"])
    same = truth.annotation_hash == result["protocol"]["annotation_hash"]
    if not same or len(truth.images) != result["protocol"]["images"] or truth.skeleton.name != "coco":
        return {}
    sides = [predictions.load(path.parent / PREDICTIONS) for path in (first, second)]
    intervals = oks_intervals(truth.annotations, sides[0], sides[1])
    return {name: (interval.low, interval.high) for name, interval in intervals.items()}


def evaluation_of(path: Path, result: Result | None = None) -> Evaluation:
    """A result.json with the per-person arrays of the evaluation.npz beside it.

    Args:
        result: the content of the result.json, where it was read before.

    Raises:
        UserError: either file is missing or broken.
    """
    result = results.read(path) if result is None else result
    return Evaluation(
        metrics=result["metrics"],
        curve=result.get("curve", {}),
        per_person=_kept.read(path.parent / EVALUATION),
        protocol=result.get("protocol", {}),
    )


def images_of(folder: Path, evaluation: Evaluation) -> NDArray[np.integer[Any]]:
    """The image (N,) of each person: people of one image are drawn together."""
    raw = evaluation.per_person
    people = len(next(iter(raw.values())))
    if "images" in raw and len(raw["images"]) == people:
        return raw["images"]
    try:
        predicted = predictions.load(folder / PREDICTIONS)
    except UserError:
        return np.arange(people)
    # Runs write their predictions in the order of the people, one each.
    return (
        predicted.image_ids if len(predicted) == people and (predicted.ids >= 0).all() else np.arange(people)
    )
