"""What a comparison could have seen: p-values and the smallest effect that its images and seeds would have shown.

All from the interval's standard error (of the bootstrap's replicates, or of the seeds), by the normal or Student's t
distribution: a percentile of 2,000 replicates cannot tell p-values small enough for many claims at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from posereg.evaluation.bootstrap import Interval

POWER = 0.8


def detectable(interval: Interval) -> float:
    """The smallest true effect, in the metric's unit, whose interval would exclude zero in POWER of repetitions:
    (t(1 - alpha / 2) + t(POWER)) standard errors, 2.8 of them for 95 % intervals over images."""
    return float(
        interval.error
        * (_quantile(0.5 + interval.level / 2, interval.freedom) + _quantile(POWER, interval.freedom))
    )


def p_differs(interval: Interval, bound: float = 0.0) -> float:
    """Two-sided p-value of the true effect being `bound`."""
    return float(2 * _above(abs(_errors(interval, interval.difference - bound)), interval.freedom))


def p_near(interval: Interval, margin: float) -> float:
    """p-value of an effect of `margin` or more in either direction: the larger of two one-sided tests (Schuirmann
    1987). Small: the two are equivalent."""
    beyond = (margin + interval.difference, margin - interval.difference)
    return float(max(_above(_errors(interval, each), interval.freedom) for each in beyond))


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for all of them being looked at (Holm 1979): rejecting those below 0.05 makes one mistake or
    more with a chance of at most 5 %, however they depend on each other."""
    order = sorted(range(len(values)), key=lambda k: values[k])
    adjusted = [0.0] * len(values)
    worst = 0.0
    for rank, k in enumerate(order):
        worst = max(worst, min(1.0, (len(values) - rank) * values[k]))
        adjusted[k] = worst
    return adjusted


def _errors(interval: Interval, distance: float) -> float:
    """A distance in standard errors; of figures that never vary, infinitely many."""
    if interval.error == 0:
        return float("inf") if distance > 0 else float("-inf") if distance < 0 else 0.0
    return distance / interval.error


# Student's t by scipy.special: scipy.stats takes half a second to import.
def _quantile(share: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def _above(value: float, freedom: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(freedom, -value))
