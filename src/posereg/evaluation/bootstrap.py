"""Paired bootstrap: the confidence interval of a difference between runs scored on the same people.

Images are drawn with replacement, all people of an image together, the same draw for all runs. With several seeds
a row, seeds are the outer level: of S seeds S - 1 are drawn, which makes the spread of their mean come out as the
sample's s^2 / S and not (S - 1) / S of it (Rao and Wu 1988); a single seed stays, and the interval then speaks of
images alone. Most metrics are a ratio of sums over people (correct over counted joints, millimetres over people), so
a replicate is one matrix product. Average precision and recall (`average_precision.py`) and the rank correlation of
scores (`rank_correlation.py`) are computed anew for each; precision by size of the people is left to hotcoco's paired
bootstrap over images (`oks_intervals`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError, nearest
from posereg.evaluation.average_precision import METRICS as RANKED
from posereg.evaluation.average_precision import Ranked, from_arrays
from posereg.evaluation.rank_correlation import METRIC as CORRELATION
from posereg.evaluation.rank_correlation import Scored
from posereg.evaluation.rank_correlation import from_arrays as scored_from
from posereg.records.evaluation import Evaluation
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import COCO

Array = NDArray[np.float64]
CHUNK = 256
KEPT = 64 * 2**20  # bytes of draws that are kept for the next metric


@dataclass(frozen=True)
class Interval:
    """`difference` = second minus first run, in the metric's unit, with its `level` interval `low`..`high`.

    `error` is its standard error (NaN where that is not known), of `freedom` degrees of freedom.
    """

    difference: float
    low: float
    high: float
    level: float
    replicates: int
    error: float = math.nan
    freedom: float = math.inf

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of no difference; an interval that ends at 0 does not."""
        return self.low > 0 or self.high < 0


Seed = tuple[Array, Array] | Ranked | Scored


@dataclass(frozen=True)
class Part:
    """sign * metric of a row: `seeds` holds numerator and denominator (N,) of every person, run by run, or what
    the figure `metric`, of average precision or a rank correlation, is computed from."""

    sign: int
    row: str
    seeds: tuple[Seed, ...]
    metric: str = ""


def part(sign: int, row: str, evaluations: Sequence[Evaluation], metric: str) -> Part:
    """
    Args:
        metric: as in `contributions`, `confidence/correlation`, or `AP`, `AP50`, `AP75`, `AR`, `AR50`, `AR75`, also of
            another of the run's predictions: `regression/AP`.

    Raises:
        UserError: a metric that these evaluations cannot be resampled for.
    """
    if metric == CORRELATION:
        return Part(sign, row, tuple(scored_from(each.per_person) for each in evaluations), metric)
    prefix, slash, name = metric.rpartition("/")
    if name in RANKED:
        return Part(
            sign, row, tuple(from_arrays(each.per_person, prefix + slash) for each in evaluations), name
        )
    return Part(sign, row, tuple(contributions(each, metric) for each in evaluations))


def contributions(evaluation: Evaluation, metric: str) -> tuple[Array, Array]:
    """Numerator and denominator (N,) of each person, so that metric = sum / sum.

    Args:
        metric: one that gives its sums (`records/evaluation.py`), or `PCKh@0.3`, `PCK@0.2` (any threshold), `AUC`,
            `PCP`, `MPJPE`, `PA-MPJPE`.

    Raises:
        UserError: a metric that this evaluation cannot be resampled for.
    """
    raw = evaluation.per_person
    if f"{metric}:sum" in raw and f"{metric}:count" in raw:
        return raw[f"{metric}:sum"].astype(np.float64), raw[f"{metric}:count"].astype(np.float64)
    name, _, at = metric.partition("@")
    if name in ("PCKh", "PCK") and "distance" in raw:
        # Sums of ones as products: several times as fast over a dozen joints, and exact.
        near = raw["distance"] <= _threshold(at, metric)  # an unlabelled joint's NaN is not
        each = np.ones(near.shape[1])
        return 100 * (near @ each), ~np.isnan(raw["distance"]) @ each
    if name == "AUC" and "distance" in raw:
        counted = ~np.isnan(raw["distance"])
        won = auc_of(raw["distance"], evaluation.curve["thresholds"])
        return 100 * np.where(counted, won, 0).sum(axis=1), counted @ np.ones(counted.shape[1])
    if metric == "PCP" and "sticks" in raw:
        counted = ~np.isnan(raw["sticks"])
        # The mean of the sticks' rates: every stick weighs the same, however often it is labelled.
        weight = counted / np.maximum(counted.sum(axis=0), 1)
        return 100 * (weight * np.where(counted, raw["sticks"], 0)).sum(axis=1), weight.sum(axis=1)
    if metric in ("MPJPE", "PA-MPJPE") and "error" in raw:
        error = raw["error" if metric == "MPJPE" else "error_pa"]
        joints = slice(0, 17) if metric == "MPJPE" else slice(None)
        known = np.isfinite(error).all(axis=1)
        return np.where(known, error[:, joints].mean(axis=1), 0), known.astype(np.float64)
    known_metrics = ("PCKh@0.5", "PCK@0.2", "AUC", "PCP", "MPJPE", "PA-MPJPE")
    raise UserError(f"no interval for metric '{metric}' here{nearest(metric, known_metrics)}")


def auc_of(distance: Array, thresholds: Sequence[float]) -> Array:
    """Share (N, K) of the curve's area that a joint wins: the trapezoid integral of [distance <= threshold]."""
    grid = np.asarray(thresholds)
    weight = np.gradient(grid) / (grid[-1] - grid[0])
    weight[[0, -1]] /= 2
    above = np.concatenate([np.cumsum(weight[::-1])[::-1], [0.0]])
    return np.asarray(above[np.searchsorted(grid, distance, side="left")])


def paired(
    first: Evaluation | Sequence[Evaluation],
    second: Evaluation | Sequence[Evaluation],
    metric: str,
    images: NDArray[np.integer],
    replicates: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Interval of metric(second) - metric(first).

    Args:
        first, second: the evaluations of one run, or of its seeds; all of the same people in the same order.
        images: (N,) image of each person (`PoseSet.person_image`).

    Raises:
        UserError: evaluations of different people, or a metric without per-person parts.
    """
    runs = [[each] if isinstance(each, Evaluation) else list(each) for each in (first, second)]
    parts = [
        part(sign, name, run, metric)
        for sign, name, run in zip((-1, 1), ("first", "second"), runs, strict=True)
    ]
    return signed(parts, images, replicates, level, seed)


def signed(
    parts: Sequence[Part],
    images: NDArray[np.integer],
    replicates: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Interval of the signed sum over the parts; `images` (N,) is the image of each person, which average precision
    and rank correlations know themselves. Parts of the same row share the draw of its seeds.

    Raises:
        UserError: runs of different people or images.
    """
    seeds = [seed for part in parts for seed in part.seeds]
    if not all(isinstance(each, tuple) for each in seeds):
        images = _same_images(seeds)
    else:
        lengths = {len(each[0]) for each in seeds if isinstance(each, tuple)} | {len(images)}
        if len(lengths) > 1:
            raise UserError(
                f"the compared runs hold different people: {', '.join(map(str, sorted(lengths)))} of them; an "
                "interval needs the same people in all runs"
            )
    _, group = np.unique(images, return_inverse=True)
    count = int(group.max()) + 1
    figures = [_figures(part, group) for part in parts]
    every = np.ones((1, count))
    whole = sum(p.sign * of(every).mean() for p, of in zip(parts, figures, strict=True))
    runs: dict[str, int] = {}
    for part in parts:
        runs.setdefault(part.row, len(part.seeds))
    few = replicates * count * 4 <= KEPT
    draws = (_kept_draws if few else _draws)(count, replicates, tuple(runs.items()), seed)
    tail = 50 * (1 - level)
    values = np.concatenate([_replicates(parts, figures, *draw) for draw in draws])
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return Interval(
        float(whole), float(low), float(high), level, replicates, float(np.nanstd(values, ddof=1))
    )


def _same_images(seeds: Sequence[Seed]) -> NDArray[np.int64]:
    """
    Raises:
        UserError: runs on other images, or metrics that are drawn from other things.
    """
    every = [each.images for each in seeds if not isinstance(each, tuple)]
    if len(every) < len(seeds) or any(not np.array_equal(each, every[0]) for each in every):
        raise UserError(
            "the compared runs were scored on different images; an interval needs the same in all runs"
        )
    return every[0]


def _figures(part: Part, group: NDArray[np.intp]) -> Callable[[Array], Array]:
    """Weights (R, images) -> the part's figure for each of its seeds (R, S)."""
    drawn_anew = [each for each in part.seeds if not isinstance(each, tuple)]
    if drawn_anew:
        draws = [run.figure(part.metric) for run in drawn_anew]
        return lambda weights: np.stack([draw(weights) for draw in draws], axis=1)
    pairs = [each for each in part.seeds if isinstance(each, tuple)]
    counts = [pair[1] for pair in pairs]
    if all(np.array_equal(each, counts[0]) for each in counts):
        counts = counts[:1]  # as of people whose labels are the same for all seeds
    # (images, S): summed over the people of each image.
    above = np.stack([np.bincount(group, weights=pair[0]) for pair in pairs], axis=1)
    below = np.stack([np.bincount(group, weights=each) for each in counts], axis=1)
    return lambda weights: _ratios(weights @ above, weights @ below)


def _draws(
    count: int, replicates: int, runs: tuple[tuple[str, int], ...], seed: int
) -> Iterator[tuple[NDArray[np.int32], dict[str, NDArray[np.int64]]]]:
    """How often each image was drawn (size, count), and the seeds drawn of each row (size, S - 1), chunk by chunk.

    Args:
        runs: rows and their numbers of seeds S, in the order in which they are drawn.
    """
    random = np.random.default_rng(seed)
    for done in range(0, replicates, CHUNK):
        size = min(CHUNK, replicates - done)
        draws = random.integers(0, count, (size, count)) + count * np.arange(size)[:, None]
        often = np.bincount(draws.ravel(), minlength=size * count).reshape(size, count).astype(np.int32)
        yield often, {row: random.integers(0, of, (size, max(1, of - 1))) for row, of in runs}


@lru_cache(maxsize=1)
def _kept_draws(
    count: int, replicates: int, runs: tuple[tuple[str, int], ...], seed: int
) -> list[tuple[NDArray[np.int32], dict[str, NDArray[np.int64]]]]:
    """The draws of the last comparison: one metric after the other is asked of the same runs."""
    return list(_draws(count, replicates, runs, seed))


def _replicates(
    parts: Sequence[Part],
    figures: Sequence[Callable[[Array], Array]],
    often: NDArray[np.int32],
    seeds: Mapping[str, NDArray[np.int64]],
) -> Array:
    """Sums (size,) of one chunk of resampled image sets."""
    weights = often.astype(np.float64)
    total = np.zeros(len(often))
    for part, of in zip(parts, figures, strict=True):
        total += part.sign * np.take_along_axis(of(weights), seeds[part.row], axis=1).mean(axis=1)
    return total


def _ratios(above: Array, below: Array) -> Array:
    """Numerators (R, S) over denominators (R, S) or (R, 1)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(above / below)


def _threshold(text: str, metric: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UserError(f"metric '{metric}': no threshold after '@'") from error


def oks_intervals(
    annotations: Path | str,
    first: Predictions | Path | str,
    second: Predictions | Path | str,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Interval of every AP and AR of the second run minus the first's, images resampled.

    Args:
        first, second: predictions, or COCO results files.

    Raises:
        UserError: files that do not fit.
    """
    import hotcoco

    from posereg.evaluation import oks

    truth = oks.read_truth(annotations)
    person = oks.person_category(truth)

    def scored(side: Predictions | Path | str) -> hotcoco.COCOeval:
        if isinstance(side, Predictions):
            return oks.run(truth, oks.results(side, person), oks.SIGMAS)
        return oks.run(truth, oks.results_of(side, truth, COCO), oks.SIGMAS, where=str(side))

    compared = hotcoco.compare(
        scored(first), scored(second), n_bootstrap=replicates, seed=seed, confidence=level
    )
    intervals = {}
    for metric in oks.METRICS:
        key = metric.replace("_M", "m").replace("_L", "l")
        bounds = compared["ci"][key]
        difference = 100 * compared["deltas"][key]
        intervals[metric] = Interval(
            difference, 100 * bounds["lower"], 100 * bounds["upper"], level, replicates
        )
    return intervals


def oks_interval(
    annotations: Path | str,
    first: Predictions | Path | str,
    second: Predictions | Path | str,
    metric: str = "AP",
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """`oks_intervals` of one metric.

    Raises:
        UserError: unknown metric, or files that do not fit.
    """
    from posereg.evaluation import oks

    if metric not in oks.METRICS:
        raise UserError(f"no OKS metric '{metric}'{nearest(metric, oks.METRICS)}")
    return oks_intervals(annotations, first, second, replicates, level, seed)[metric]
