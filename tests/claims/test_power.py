"""p-values and detectable effects against scipy's tests, textbook quantiles, published examples and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from posereg.claims.contrast import over_seeds
from posereg.claims.power import detectable, holm, p_differs, p_near
from posereg.evaluation.bootstrap import Interval, Part, signed


def normal(effect: float, error: float) -> Interval:
    return Interval(effect, effect - 1.96 * error, effect + 1.96 * error, 0.95, 2000, error)


def test_a_difference_over_seeds_has_welchs_p_value() -> None:
    first, second = [66.0, 66.4, 66.1, 66.9], [64.9, 66.3, 65.1]
    interval = over_seeds([(1, first), (-1, second)])
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert p_differs(interval) == pytest.approx(expected.pvalue)
    assert p_differs(interval, 0.5) == pytest.approx(
        stats.ttest_ind(np.array(first) - 0.5, second, equal_var=False).pvalue
    )


def test_two_one_sided_tests_are_scipys() -> None:
    first, second = [66.0, 66.4, 66.1, 66.9], [65.8, 66.3, 66.1]
    interval = over_seeds([(1, first), (-1, second)])
    one_sided = [
        stats.ttest_ind(np.array(first) + shift, second, equal_var=False, alternative=side).pvalue
        for shift, side in ((1.0, "greater"), (-1.0, "less"))
    ]
    assert p_near(interval, 1.0) == pytest.approx(max(one_sided))
    assert p_near(interval, 1.0) < 0.05 < p_near(interval, 0.3)


def test_what_two_point_eight_errors_are_good_for() -> None:
    """80 % of repetitions of an effect of that size have a 95 % interval above zero, 2.5 % of no effect at all."""
    assert detectable(normal(0.0, 1.0)) == pytest.approx(1.959964 + 0.841621, abs=1e-5)
    errors = np.random.default_rng(0).normal(size=200_000)
    seen = errors + detectable(normal(0.0, 1.0)) > 1.959964
    assert seen.mean() == pytest.approx(0.8, abs=0.005)


def test_the_bootstraps_error_is_the_binomial_one() -> None:
    people, random = 2000, np.random.default_rng(0)
    ones = np.ones(people)
    parts = [Part(sign, str(sign), ((1.0 * (random.random(people) < 0.5), ones),)) for sign in (1, -1)]
    interval = signed(parts, np.arange(people))
    assert interval.error == pytest.approx(math.sqrt(2 * 0.25 / people), rel=0.05)
    assert math.isinf(interval.freedom)


def test_figures_that_never_vary() -> None:
    same = over_seeds([(1, [3.0, 3.0]), (-1, [1.0, 1.0])])
    assert (p_differs(same), p_differs(same, 2.0)) == (0.0, 1.0)
    assert (p_near(same, 3.0), p_near(same, 1.0)) == (0.0, 1.0)
    assert detectable(same) == 0.0


def test_holm_is_the_published_procedure() -> None:
    """Holm's steps by hand: 0.01 x 4, 0.02 x 3, 0.03 x 2 and 0.04 x 1, never falling, at most 1."""
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


def test_holm_holds_the_error_of_the_family() -> None:
    values = np.random.default_rng(1).random((4000, 10))
    any_rejected = np.mean([min(holm(list(row))) < 0.05 for row in values])
    assert any_rejected == pytest.approx(1 - (1 - 0.005) ** 10, abs=0.01)
    assert any_rejected <= 0.06
