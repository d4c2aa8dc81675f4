"""The interval behind a delta, from what the runs left on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg import predictions, results
from posereg.errors import UserError
from posereg.evaluation.result import Evaluation


def interval(first: Sequence[Path], second: Sequence[Path], metric: str) -> tuple[float, float] | None:
    """95 % interval of metric(second) - metric(first), over images and seeds (paired bootstrap).

    Args:
        first, second: result.json of one row's seeds each; evaluation.npz lies beside them.

    Returns:
        None where the metric cannot be resampled, or the raw material is missing or of different people.
    """
    try:
        from posereg.evaluation import bootstrap

        sides = [[evaluation_of(path) for path in paths] for paths in (first, second)]
        found = bootstrap.paired(sides[0], sides[1], metric, images_of(first[0].parent, sides[0][0]))
    except (UserError, ImportError):
        return None
    return found.low, found.high


def evaluation_of(path: Path) -> Evaluation:
    """A result.json with the per-person arrays of the evaluation.npz beside it.

    Raises:
        UserError: either file is missing or broken.
    """
    result = results.read(path)
    file = path.parent / "evaluation.npz"
    try:
        with np.load(file) as raw:
            columns: dict[str, NDArray[Any]] = {name: raw[name] for name in raw.files}
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: {error}") from error
    return Evaluation(
        metrics=result["metrics"],
        curve=result.get("curve", {}),
        per_person=columns,
        protocol=result.get("protocol", {}),
    )


def images_of(folder: Path, evaluation: Evaluation) -> NDArray[np.integer[Any]]:
    """The image of each person: people of one image are drawn together."""
    raw = evaluation.per_person
    people = len(next(iter(raw.values())))
    if "images" in raw and len(raw["images"]) == people:
        return raw["images"]
    try:
        found = predictions.load(folder / "predictions.npz")
    except UserError:
        return np.arange(people)
    # Runs write their predictions in the order of the people, one each.
    return found.image_ids if len(found) == people and (found.ids >= 0).all() else np.arange(people)
