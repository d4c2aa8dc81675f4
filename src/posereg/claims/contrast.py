"""How sure is a signed sum of several rows' figures? Images are the inner level of the bootstrap, seeds the outer.

A replicate draws images with replacement, the same for all rows, and for each row seeds with replacement, the
same for all of the row's terms. Of S seeds S - 1 are drawn, which makes the spread of their mean come out as the
sample's s^2 / S and not (S - 1) / S of it (Rao and Wu 1988); a single seed stays, and the interval then speaks
of images alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.poses import OCCLUDED, VISIBLE
from posereg.errors import UserError
from posereg.evaluation.bootstrap import Interval, contributions
from posereg.evaluation.result import Evaluation

Array = NDArray[np.float64]
CHUNK = 256


@dataclass(frozen=True)
class Part:
    """sign * metric of a row: `seeds` holds numerator and denominator (N,) of every person, run by run."""

    sign: int
    row: str
    seeds: tuple[tuple[Array, Array], ...]


def part(sign: int, row: str, evaluations: Sequence[Evaluation], metric: str, joints: str = "all") -> Part:
    """
    Args:
        joints: `visible` or `occluded` counts only the joints annotated so; needs `visibility` (N, K) beside the
            distances.

    Raises:
        UserError: a metric that cannot be resampled over people, or no visibility.
    """
    return Part(sign, row, tuple(contributions(_only(each, joints), metric) for each in evaluations))


def bootstrap(
    parts: Sequence[Part],
    images: NDArray[np.integer[Any]],
    replicates: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Interval of the signed sum over the parts; `images` (N,) is the image of each person.

    Raises:
        UserError: runs of different people.
    """
    lengths = {len(numerator) for part in parts for numerator, _ in part.seeds} | {len(images)}
    if len(lengths) > 1:
        raise UserError(
            f"the compared runs hold different people: {', '.join(map(str, sorted(lengths)))} of them"
        )
    _, group = np.unique(images, return_inverse=True)
    count = int(group.max()) + 1
    tables = [_by_image(part, group) for part in parts]
    whole = sum(
        p.sign * _ratios(table.sum(axis=0, keepdims=True)).mean()
        for p, table in zip(parts, tables, strict=True)
    )
    random = np.random.default_rng(seed)
    drawn = [
        _replicates(parts, tables, count, min(CHUNK, replicates - done), random)
        for done in range(0, replicates, CHUNK)
    ]
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(np.concatenate(drawn), [tail, 100 - tail])
    return Interval(float(whole), float(low), float(high), level, replicates)


def over_seeds(rows: Sequence[tuple[int, Sequence[float]]], level: float = 0.95) -> Interval:
    """Interval of a signed sum of independent rows' means from their seeds alone (Welch's t), for metrics that are
    no sum over people. `rows`: weight and values of each distinct row.

    Raises:
        UserError: a row with fewer than two seeds.
    """
    from scipy import stats

    if any(len(values) < 2 for weight, values in rows if weight):
        raise UserError("two seeds of every row are needed for an interval over seeds")
    counted = [(weight, np.asarray(values, np.float64)) for weight, values in rows if weight]
    effect = float(sum(weight * values.mean() for weight, values in counted))
    variances = np.array([weight**2 * values.var(ddof=1) / len(values) for weight, values in counted])
    total = variances.sum()
    if total == 0:
        return Interval(effect, effect, effect, level, 0)
    freedom = total**2 / sum(
        v**2 / (len(values) - 1) for v, (_, values) in zip(variances, counted, strict=True)
    )
    half = float(stats.t.ppf(0.5 + level / 2, freedom) * np.sqrt(total))
    return Interval(effect, effect - half, effect + half, level, 0)


def _only(evaluation: Evaluation, joints: str) -> Evaluation:
    if joints == "all":
        return evaluation
    raw = evaluation.per_person
    if "visibility" not in raw or "distance" not in raw:
        raise UserError("evaluation.npz does not say which joints are occluded (no array 'visibility')")
    wanted = {"visible": VISIBLE, "occluded": OCCLUDED}[joints]
    kept = np.where(raw["visibility"] == wanted, raw["distance"], np.nan)
    return Evaluation({}, evaluation.curve, {"distance": kept}, evaluation.protocol)


def _by_image(part: Part, group: NDArray[np.intp]) -> Array:
    """(images, 2 S): numerators and denominators of the seeds, summed over the people of each image."""
    columns = [np.bincount(group, weights=column) for pair in part.seeds for column in pair]
    return np.stack(columns, axis=1).astype(np.float64)


def _replicates(
    parts: Sequence[Part], tables: Sequence[Array], count: int, size: int, random: np.random.Generator
) -> Array:
    draws = random.integers(0, count, (size, count)) + count * np.arange(size)[:, None]
    weights = np.bincount(draws.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)
    seeds: dict[str, NDArray[np.int64]] = {}
    total = np.zeros(size)
    for part, table in zip(parts, tables, strict=True):
        ratios = _ratios(weights @ table)
        if part.row not in seeds:
            runs = ratios.shape[1]
            seeds[part.row] = random.integers(0, runs, (size, max(1, runs - 1)))
        total += part.sign * np.take_along_axis(ratios, seeds[part.row], axis=1).mean(axis=1)
    return total


def _ratios(sums: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[:, 0::2] / sums[:, 1::2])
