"""Average precision of weighted images: what its bootstrap recomputes for every draw.

Matching people to poses does not depend on the draw, so it is done once; a draw of images is a weight per image, and
weights of 1 give the evaluator's own figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError, nearest

WRONG, RIGHT, IGNORED = 0, 1, 2
RECALLS = np.linspace(0, 1, 101)
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
        if metric not in METRICS:
            raise UserError(f"no interval for metric '{metric}' here{nearest(metric, METRICS)}")
        weight = np.ones(len(self.people)) if weights is None else np.asarray(weights, np.float64)
        wanted = float(weight @ self.people)
        if wanted <= 0:
            return float("nan")
        state, counted = self.state[METRICS[metric]], weight[self.image]
        precisions = [self._precision(row, counted, wanted, metric.startswith("AR")) for row in state]
        return 100 * float(np.mean(precisions))

    def _precision(
        self, state: NDArray[np.uint8], counted: NDArray[np.float64], wanted: float, recall_only: bool
    ) -> float:
        right = np.flatnonzero((state == RIGHT) & (counted > 0))
        hits = np.cumsum(counted[right])
        if recall_only or len(right) == 0:
            return float(hits[-1] / wanted) if len(right) else 0.0
        # Precision peaks only where a pose is right, so only those places are evaluated.
        misses = np.cumsum(np.where(state == WRONG, counted, 0))[right]
        precision = np.maximum.accumulate((hits / (hits + misses + np.spacing(1)))[::-1])[::-1]
        first = np.searchsorted(hits / wanted, RECALLS, side="left")
        return float(precision[first[first < len(right)]].sum() / len(RECALLS))

    def arrays(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """Its columns by name, as evaluation.npz keeps them and `from_arrays` takes them."""
        return {f"{prefix}ap_{name}": value for name, value in vars(self).items()}


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
