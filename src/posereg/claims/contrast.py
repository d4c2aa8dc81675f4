"""Signed sums of several rows' figures: what their bootstrap is drawn from, and the interval of those without one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posereg.errors import UserError
from posereg.evaluation import bootstrap
from posereg.evaluation.bootstrap import Interval, Part
from posereg.records.evaluation import Evaluation
from posereg.records.poses import OCCLUDED, VISIBLE


def part(sign: int, row: str, evaluations: Sequence[Evaluation], metric: str, joints: str = "all") -> Part:
    """
    Args:
        joints: `visible` or `occluded` counts only the joints annotated so; needs `visibility` (N, K) beside the
            distances.

    Raises:
        UserError: a metric that cannot be resampled over people, or no visibility.
    """
    return bootstrap.part(sign, row, [_only(each, joints) for each in evaluations], metric)


def over_seeds(rows: Sequence[tuple[int, Sequence[float]]], level: float = 0.95) -> Interval:
    """Interval of a signed sum of independent rows' means from their seeds alone (Welch's t), for metrics that are
    no sum over people. `rows`: weight and values of each distinct row.

    Raises:
        UserError: a row with fewer than two seeds.
    """
    from scipy.special import stdtrit  # Student's quantile; scipy.stats takes half a second to import

    if any(len(values) < 2 for weight, values in rows if weight):
        raise UserError("two seeds of every row are needed for an interval over seeds")
    counted = [(weight, np.asarray(values, np.float64)) for weight, values in rows if weight]
    effect = float(sum(weight * values.mean() for weight, values in counted))
    variances = np.array([weight**2 * values.var(ddof=1) / len(values) for weight, values in counted])
    total = variances.sum()
    if total == 0:
        return Interval(effect, effect, effect, level, 0, 0.0)
    freedom = total**2 / sum(
        v**2 / (len(values) - 1) for v, (_, values) in zip(variances, counted, strict=True)
    )
    error = float(np.sqrt(total))
    half = float(stdtrit(freedom, 0.5 + level / 2)) * error
    return Interval(effect, effect - half, effect + half, level, 0, error, float(freedom))


def _only(evaluation: Evaluation, joints: str) -> Evaluation:
    if joints == "all":
        return evaluation
    raw = evaluation.per_person
    if "visibility" not in raw or "distance" not in raw:
        raise UserError("evaluation.npz does not say which joints are occluded (no array 'visibility')")
    wanted = {"visible": VISIBLE, "occluded": OCCLUDED}[joints]
    kept = np.where(raw["visibility"] == wanted, raw["distance"], np.nan)
    return Evaluation({}, evaluation.curve, {"distance": kept}, evaluation.protocol)
