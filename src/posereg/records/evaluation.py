"""What every evaluator returns: metrics, the curve behind them, and the per-person values that intervals need."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions


class Deferred(Mapping[str, NDArray[Any]]):
    """Arrays that are made when the first of them is asked for: most validations are only logged."""

    def __init__(self, make: Callable[[], Mapping[str, NDArray[Any]]]) -> None:
        self._make = make

    @cached_property
    def _arrays(self) -> Mapping[str, NDArray[Any]]:
        return self._make()

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


@dataclass(frozen=True)
class Evaluation:
    """One predictions file, scored.

    Attributes:
        metrics: by name, in percent (millimetres for MPJPE); NaN where nothing could be counted, with the
            reason under `protocol["undefined"]`.
        curve: `thresholds` and `values` (percent); empty for metrics without one.
        per_person: arrays with one row per person (or detection), as the evaluator documents; for example
            `distance` (N, K), NaN where a joint is not counted, inf where it was not predicted. A metric that is a
            sum over people divided by another one gives both as `<metric>:sum` and `<metric>:count`, (N,) each, and
            its confidence intervals are drawn from them.
        protocol: what makes two numbers comparable: data set, split, metric, version, counts.
        lower_is_better: the metrics of which less is better, and with them their parts (`error/nose`).
    """

    metrics: dict[str, float]
    curve: dict[str, list[float]] = field(default_factory=dict)
    per_person: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    protocol: dict[str, Any] = field(default_factory=dict)
    lower_is_better: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """`metrics`, `curve`, `protocol` and `lower_is_better` ready for JSON: NaN becomes null."""
        metrics = {name: _json(value) for name, value in self.metrics.items()}
        curve = {name: [_json(value) for value in values] for name, values in self.curve.items()}
        lower = list(self.lower_is_better)
        return {"metrics": metrics, "curve": curve, "protocol": self.protocol, "lower_is_better": lower}


def _json(value: float) -> float | None:
    return None if math.isnan(value) else value


def protocol(
    poses: PoseSet, predictions: Predictions, metric: str, version: str, **counts: Any
) -> dict[str, Any]:
    """The predictions' own protocol, overlaid with what was scored and how."""
    return {
        **predictions.meta,
        "dataset": poses.name,
        "split": poses.split,
        "annotation_hash": poses.annotation_hash,
        "images": len(np.unique(poses.person_image)),
        "people": len(poses),
        "metric": metric,
        "metric_version": version,
        **counts,
    }
