"""Whether a run has finished learning: how much its validation metric still rose in the last quarter of training.

A run keeps the verdict on each of its curves in result.json (`learning`), by the columns of metrics.csv: `val/AUC`,
`val/loss`, `train/loss`. Of runs that have none there the curves themselves are read.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.reporting.collect import Run, Table
from posereg.reporting.columns import higher_is_better, said_lower
from posereg.runs import metrics_csv
from posereg.runs.metrics_csv import Rows

Array = NDArray[np.float64]

LIMIT = 0.5  # points of a percentage that a finished run may still gain in a quarter of its steps
SHARE = 0.01  # of the value, for metrics in other units
SAME = 0.02  # validations by less than this share of the steps apart say nothing of a slope
FARTHEST = 64  # quarters that an extrapolation looks ahead


@dataclass(frozen=True)
class Learning:
    """The end of a validation curve.

    Attributes:
        metric: whose curve. rise: by how much a quarter of the steps improved it at the end, in its unit; `low` and
            `high` the 95 % interval of that slope where three validations or more tell it.
        limit: the rise below which a run has finished.
        steps: of the whole training. needed: further steps until the rise falls below the limit, extrapolated from
            how it fell over the last two quarters; None where that cannot be told.
    """

    metric: str
    rise: float
    limit: float
    steps: int
    low: float | None = None
    high: float | None = None
    needed: int | None = None

    @property
    def finished(self) -> bool:
        """Whether it rose by less than the limit."""
        return self.rise <= self.limit


def of_run(run: Run, metric: str = "") -> Learning | None:
    """What the metrics.csv of a run tells; None where it holds fewer than two validations of different steps.

    Args:
        metric: the one wanted, if its curve was logged; else the run's first metric that was.

    Raises:
        UserError: a damaged metrics.csv, or a damaged `learning` in result.json.
    """
    known = f"learning {metric}"
    if known not in run.noted:
        run.noted[known] = _of_run(run, metric)
    learned: Learning | None = run.noted[known]
    return learned


def _of_run(run: Run, metric: str) -> Learning | None:
    names = [name for name in (metric, *run.result.get("metrics", {})) if name]
    if kept := run.result.get("learning"):
        known = next((name for name in names if f"val/{name}" in kept), None)
        return None if known is None else _as_kept(run.path, kept[f"val/{known}"])
    rows = run.curves
    logged = {name for row in rows for name in row}
    known = next((name for name in names if f"val/{name}" in logged), None)
    return None if known is None else _of_curve(rows, f"val/{known}", said_lower([run.result]))


def record(rows: Rows, metrics: Iterable[str], lower: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """What result.json keeps of a run's curves: the `Learning` of its metrics and losses that have one, and whether
    it has finished, by the column of metrics.csv."""
    columns = ["train/loss", "val/loss", *(f"val/{name}" for name in metrics)]
    found = {name: _of_curve(rows, name, lower) for name in columns}
    return {name: asdict(end) | {"finished": end.finished} for name, end in found.items() if end}


def _as_kept(path: Path, kept: Any) -> Learning:
    try:
        return Learning(**{field.name: kept[field.name] for field in fields(Learning)})
    except (TypeError, KeyError) as error:
        raise UserError(f"{path}: not the result.json of a run ('learning' is {kept!r:.60})") from error


def _of_curve(rows: Rows, column: str, lower: Collection[str]) -> Learning | None:
    logged, values = metrics_csv.series(rows, column, against="step")
    # The number of the last step, counted from 0: the validation at three quarters belongs to the last one.
    steps = [step + 1 for step in logged]
    metric = column.removeprefix("train/").removeprefix("val/")
    grows = higher_is_better(metric, lower)
    return learning(metric, steps, values if grows else [-value for value in values], percent=grows)


def curves_of(runs: Sequence[Run], metric: str = "") -> list[Learning | None]:
    """`of_run` of each run; one that only evaluated has the curves of the run whose network it evaluated."""
    return [of_run(run, metric) for run in runs]


def slowest(curves: Sequence[Learning | None]) -> Learning | None:
    """The curve that still rises most; None where all that are known have finished."""
    rising = [curve for curve in curves if curve and not curve.finished]
    return max(rising, key=lambda curve: curve.rise, default=None)


def still_learning(table: Table) -> dict[str, Learning]:
    """By row, the curve of the slowest seed of those that had not finished learning."""
    slow = {row.name: slowest(curves_of(row.runs, table.columns[0])) for row in table.run_rows}
    return {row: curve for row, curve in slow.items() if curve}


def trains(run: Run) -> bool:
    """Whether the run's network is known to have been trained, by it or by the run whose weights it evaluates."""
    return bool(run.result.get("training", {}).get("steps"))


def learning(
    metric: str, steps: Sequence[float], values: Sequence[float], percent: bool = True
) -> Learning | None:
    """The end of a curve whose values grow as the run gets better; None for fewer than two different steps."""
    xs, ys = np.array(steps, float), np.array(values, float)
    end = xs.max(initial=0.0)
    # The last epoch's validation comes twice, the second time as the final one: hardly a step apart.
    kept = xs < (1 - SAME) * end
    kept[len(xs) - 1 :] = True
    xs, ys = xs[kept], ys[kept]
    if len(xs) < 2 or xs[-1] <= 0:
        return None
    quarter = float(xs[-1]) / 4
    taken = xs >= 3 * quarter
    if taken.sum() < 2:
        taken[-2] = True
    rise, spread = _slope(xs[taken], ys[taken], quarter)
    limit = LIMIT if percent else SHARE * abs(float(ys[-1]))
    return Learning(
        metric=metric,
        rise=rise,
        limit=limit,
        steps=int(xs[-1]),
        low=None if spread is None else rise - spread,
        high=None if spread is None else rise + spread,
        needed=_needed(xs, ys, quarter, rise, limit),
    )


def _slope(xs: Array, ys: Array, quarter: float) -> tuple[float, float | None]:
    """Rise over a quarter by least squares, and half the width of its 95 % interval."""
    centred = xs - xs.mean()
    squares = float(centred @ centred)
    slope = float(centred @ ys) / squares
    if len(xs) < 3:
        return slope * quarter, None
    from scipy.special import stdtrit  # Student's quantile; scipy.stats takes half a second to import

    rest = ys - ys.mean() - slope * centred
    error = math.sqrt(float(rest @ rest) / (len(xs) - 2) / squares)
    return slope * quarter, float(stdtrit(len(xs) - 2, 0.975)) * error * quarter


def _needed(xs: Array, ys: Array, quarter: float, rise: float, limit: float) -> int | None:
    """Steps until the rise of a quarter falls below the limit, if it goes on falling by the same factor."""
    if rise <= limit:
        return 0
    end, third, second = np.interp([4 * quarter, 3 * quarter, 2 * quarter], xs, ys)
    if xs[0] > 2 * quarter or third <= second or end - third >= third - second:
        return None
    factor = max(float((end - third) / (third - second)), 1e-3)
    quarters = math.ceil(math.log(limit / rise) / math.log(factor))
    return round(quarters * quarter) if quarters <= FARTHEST else None
