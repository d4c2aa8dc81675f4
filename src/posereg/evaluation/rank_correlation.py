"""Spearman's rank correlation of scores with what came of them, and its bootstrap over images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError

Array = NDArray[np.float64]
METRIC = "confidence/correlation"
BLOCK = 1 << 16  # weights of joints at a time: half a megabyte stays in the cache


@dataclass(frozen=True)
class Scored:
    """One run's joints.

    Attributes:
        images: (I,) ids of the images that were evaluated, ascending; image: (M,) row of each joint's image in them.
        score: (M,) as the method gives it; outcome: (M,) 0..1, see `evaluation/calibration.py`.
    """

    images: NDArray[np.int64]
    image: NDArray[np.int64]
    score: NDArray[np.floating]
    outcome: NDArray[np.floating]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What evaluation.npz keeps; see `from_arrays`."""
        outcome = self.outcome
        whole = bool(np.isin(outcome, (0, 1)).all())
        return {
            f"{METRIC}:images": self.images,
            f"{METRIC}:image": self.image.astype(np.int32),
            f"{METRIC}:score": self.score.astype(np.float32),
            f"{METRIC}:outcome": outcome.astype(bool) if whole else outcome.astype(np.float32),
        }

    def figure(self, metric: str = METRIC) -> Callable[[Array], Array]:
        """Weights (R, I), how often each image counts -> the correlation (R,) in percent; NaN where undefined."""
        scores, outcomes = _Ranked.of(self.score), _Ranked.of(self.outcome)

        def correlations(weights: Array) -> Array:
            found = np.empty(len(weights))
            size = max(1, BLOCK // max(1, len(self.image)))
            for start in range(0, len(weights), size):
                each = weights[start : start + size, self.image]
                found[start : start + size] = _pearson(scores.ranks(each), outcomes.ranks(each), each)
            return 100 * found

        return correlations


@dataclass(frozen=True)
class _Ranked:
    """Values in ascending `order` (M,): where each distinct one begins in it (V,), and `which` (M,) of them each is."""

    order: NDArray[np.intp]
    begin: NDArray[np.intp]
    which: NDArray[np.intp]

    @staticmethod
    def of(values: NDArray[np.floating]) -> _Ranked:
        order = np.argsort(values, kind="stable")
        _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
        return _Ranked(order, np.cumsum(counts) - counts, which)

    def ranks(self, weights: Array) -> Array:
        """Ranks (R, M) where each value counts `weights` (R, M) times, equal ones the mean of their places."""
        count = np.add.reduceat(weights[:, self.order], self.begin, axis=1)
        ranks: Array = (np.cumsum(count, axis=1) - (count - 1) / 2)[:, self.which]
        return ranks


def _pearson(x: Array, y: Array, weights: Array) -> Array:
    """Weighted correlation (R,) of columns (R, M); NaN where one of them is constant."""
    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = x - (weights * x).sum(axis=1, keepdims=True) / total
        y = y - (weights * y).sum(axis=1, keepdims=True) / total
        spreads = [(weights * each * each).sum(axis=1) for each in (x, y)]
        found = (weights * x * y).sum(axis=1) / np.sqrt(spreads[0] * spreads[1])
    # Of ranks that are not all the same the spread is 1/2 at least; what is below is rounding.
    return np.where(np.minimum(*spreads) > 0.1, found, np.nan)


def correlation(score: Array, outcome: Array) -> float:
    """The correlation of joints (M,), which does not depend on the score's scale; NaN for a constant, or with NaN."""
    # By hand: scipy.stats takes every run a second or more to import.
    if np.isnan(score).any() or np.isnan(outcome).any() or not len(score):
        return float("nan")
    once = np.ones((1, len(score)))
    return float(_pearson(_Ranked.of(score).ranks(once), _Ranked.of(outcome).ranks(once), once)[0])


def from_arrays(raw: Mapping[str, NDArray[np.generic]]) -> Scored:
    """
    Raises:
        UserError: results of before these arrays were kept, or without scores.
    """
    names = {name: f"{METRIC}:{name}" for name in ("images", "image", "score", "outcome")}
    if not set(names.values()) <= raw.keys():
        raise UserError(
            f"evaluation.npz does not hold the scores that {METRIC} is drawn from; evaluate the run again "
            "(evaluate_only=true)"
        )
    found = {name: raw[key] for name, key in names.items()}
    score, outcome = (np.asarray(found[name], np.float64) for name in ("score", "outcome"))
    return Scored(np.asarray(found["images"]), np.asarray(found["image"], np.int64), score, outcome)
