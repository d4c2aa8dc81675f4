"""Average precision of weighted images: what its bootstrap recomputes for every draw.

Matching people to poses does not depend on the draw, so it is done once; a draw of images is a weight per image, and
weights of 1 give the evaluator's own figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError, nearest

if TYPE_CHECKING:
    from scipy import sparse

WRONG, RIGHT, IGNORED = 0, 1, 2
RECALLS = np.linspace(0, 1, 101)
BOUNDS = np.append(RECALLS, [np.inf, np.inf])
BLOCK = 2**15  # numbers of one array at a time, which stay near the processor
# Rows of `state`, OKS 0.50:0.05:0.95.
METRICS = {
    kind + at: rows
    for kind in ("AP", "AR")
    for at, rows in (("", slice(None)), ("50", slice(0, 1)), ("75", slice(5, 6)))
}


@dataclass(frozen=True)
class Ranked:
    """One run's poses, best score first, judged at T thresholds.

    Attributes:
        images: (I,) ids of the images that count; people: (I,) how many labelled people each shows.
        image: (D,) row of each pose's image in `images`; state: (T, D) `WRONG`, `RIGHT` or `IGNORED`.
    """

    images: NDArray[np.int64]
    people: NDArray[np.int64]
    image: NDArray[np.int64]
    state: NDArray[np.uint8]

    def value(self, metric: str, weights: NDArray[np.floating] | None = None) -> float:
        """AP or AR in percent of images that count `weights` (I,) times; NaN where there are no labelled people.

        Raises:
            UserError: not one of `METRICS`.
        """
        weight = np.ones(len(self.people)) if weights is None else np.asarray(weights)
        return float(self.figure(metric)(weight[None])[0])

    def figure(self, metric: str) -> Callable[[NDArray[np.floating]], NDArray[np.float64]]:
        """Weights (R, I) -> `value` (R,) of each row of them.

        Raises:
            UserError: not one of `METRICS`.
        """
        if metric not in METRICS:
            raise UserError(f"no interval for metric '{metric}' here{nearest(metric, METRICS)}")
        states = self.state[METRICS[metric]]
        if metric.startswith("AR"):
            times = (states == RIGHT).sum(axis=0) / len(states)
            right = np.bincount(self.image, times, minlength=len(self.people))

            def recall(weights: NDArray[np.floating]) -> NDArray[np.float64]:
                wanted = np.asarray(weights @ self.people, np.float64)
                return np.where(wanted > 0, 100 * (weights @ right) / np.where(wanted > 0, wanted, 1), np.nan)

            return recall
        rows = [self._right(state) for state in states]

        def precision(weights: NDArray[np.floating]) -> NDArray[np.float64]:
            columns = np.ascontiguousarray(np.asarray(weights, np.float64).T)
            wanted = self.people @ columns
            total = np.zeros(len(weights))
            for image, seen in rows:
                size = max(1, BLOCK // max(1, len(image)))
                for start in range(0, len(weights) if len(image) else 0, size):
                    these = slice(start, start + size)
                    total[these] += _area(columns[:, these], image, seen, wanted[these])
            return np.where(wanted > 0, 100 * total / len(rows), np.nan)

        return precision

    def _right(self, state: NDArray[np.uint8]) -> tuple[NDArray[np.int64], sparse.csr_array]:
        """The images (n,) of the right poses, and how many poses (n, I) that are not ignored each image shows after the
        right pose before and up to each."""
        from scipy import sparse

        right, known = np.flatnonzero(state == RIGHT), np.flatnonzero(state != IGNORED)
        place = np.searchsorted(right, known)
        known, place = known[place < len(right)], place[place < len(right)]
        shape = len(right), len(self.people)
        return self.image[right], sparse.csr_array((np.ones(len(known)), (place, self.image[known])), shape)

    def arrays(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """Its columns by name, as evaluation.npz keeps them and `from_arrays` takes them."""
        return {f"{prefix}ap_{name}": value for name, value in vars(self).items()}


def _area(
    weights: NDArray[np.float64],
    image: NDArray[np.int64],
    seen: sparse.csr_array,
    wanted: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Mean precision (R,) over the recalls, of right poses in `image` (n,) and poses `seen` (n, I) between them, where
    images count `weights` (I, R) times and show `wanted` (R,) people."""
    hits = np.cumsum(weights[image], axis=0)
    # Precision peaks only where a pose is right, so only those places are evaluated.
    precision = hits / (np.cumsum(seen @ weights, axis=0) + np.spacing(1))
    best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    recall = hits / np.where(wanted > 0, wanted, 1)
    # The highest of the recalls that is not above, once rounding is set right.
    reached = (100 * recall).astype(np.int64)
    reached += BOUNDS[reached + 1] <= recall
    reached -= BOUNDS[reached] > recall
    return np.asarray(np.einsum("nr,nr->r", best, np.diff(reached, axis=0, prepend=-1)) / len(RECALLS))


def ranked(evaluator: Any, images: NDArray[np.integer[Any]] | None = None) -> Ranked:
    """From a hotcoco evaluator that has matched; people of all sizes."""
    everyone = evaluator.params.area_rng[0]
    parts = {e["image_id"]: e for e in evaluator.eval_imgs if e is not None and e["aRng"] == everyone}
    ids = np.unique(np.asarray(list(parts) if images is None else images, np.int64))
    thresholds = len(evaluator.params.iou_thrs)
    people, image, scores = np.zeros(len(ids), np.int64), [np.zeros(0, np.int64)], [np.zeros(0)]
    states = [np.zeros((thresholds, 0), np.uint8)]
    for row, number in enumerate(ids.tolist()):
        if number not in parts:
            continue
        part = parts[number]
        people[row] = len(part["gtIgnore"]) - sum(part["gtIgnore"])
        count = len(part["dtScores"])
        matched = np.asarray(part["dtMatched"], bool).reshape(thresholds, count)
        ignored = np.asarray(part["dtIgnore"], bool).reshape(thresholds, count)
        states.append(np.where(ignored, IGNORED, np.where(matched, RIGHT, WRONG)).astype(np.uint8))
        image.append(np.full(count, row, np.int64))
        scores.append(np.asarray(part["dtScores"], np.float64))
    # Stable, images in order of their ids: as pycocotools breaks ties.
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return Ranked(ids, people, np.concatenate(image)[order], np.concatenate(states, axis=1)[:, order])


def from_arrays(raw: Mapping[str, NDArray[Any]], prefix: str = "") -> Ranked:
    """
    Raises:
        UserError: arrays without these.
    """
    names = {name: f"{prefix}ap_{name}" for name in ("images", "people", "image", "state")}
    if not set(names.values()) <= raw.keys():
        raise UserError("evaluation.npz does not hold what average precision is drawn from")
    return Ranked(**{name: raw[key] for name, key in names.items()})
