"""The confidence interval of a delta, from the files of the runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.records import predictions
from posereg.records.arrays import read_npz
from posereg.records.evaluation import Evaluation
from posereg.reporting.data_set import source_of
from posereg.runs import results
from posereg.runs.folder import EVALUATION, PREDICTIONS

BY_SIZE = ("AP_", "AR_")


def interval(
    first: Sequence[Path], second: Sequence[Path], metric: str, root: Path | None = None
) -> tuple[float, float] | None:
    """95 % interval of metric(second) - metric(first), over images and seeds (paired bootstrap).

    Args:
        first, second: result.json of one row's seeds each; evaluation.npz lies beside them.
        root: the folder of the data set, which intervals of AP by size read again; None: where its config says.

    Returns:
        None where the metric cannot be resampled, or the raw material is missing or of different people.
    """
    try:
        from posereg.evaluation import bootstrap

        if metric.startswith(BY_SIZE):
            # hotcoco draws the images of these, for one seed a side.
            return _oks(first[0], second[0], root).get(metric) if len(first) == len(second) == 1 else None
        sides = [[evaluation_of(path) for path in paths] for paths in (first, second)]
        difference = bootstrap.paired(sides[0], sides[1], metric, images_of(first[0].parent, sides[0][0]))
    except (UserError, ImportError):
        return None
    return difference.low, difference.high


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


def evaluation_of(path: Path) -> Evaluation:
    """A result.json with the per-person arrays of the evaluation.npz beside it.

    Raises:
        UserError: either file is missing or broken.
    """
    result = results.read(path)
    file = path.parent / EVALUATION
    columns = read_npz(file, "the arrays of an evaluation")
    return Evaluation(
        metrics=result["metrics"],
        curve=result.get("curve", {}),
        per_person=columns,
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
