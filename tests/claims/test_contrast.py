"""Intervals against the two-run bootstrap, closed forms, scipy's Welch interval, and their own coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from claims.made import THRESHOLDS, distances
from posereg.claims.contrast import over_seeds, part
from posereg.errors import UserError
from posereg.evaluation.bootstrap import Part, paired
from posereg.evaluation.bootstrap import signed as bootstrap
from posereg.records.evaluation import Evaluation

CURVE = {"thresholds": THRESHOLDS.tolist(), "values": []}


def evaluation(distance: np.ndarray, **more: np.ndarray) -> Evaluation:
    return Evaluation({}, CURVE, {"distance": distance, **more})


def rates(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(values, float), np.ones(len(values))


@pytest.mark.parametrize("metric", ["PCKh@0.1", "AUC"])
def test_two_rows_of_one_seed_are_the_paired_bootstrap(metric: str) -> None:
    first, second = evaluation(distances(0.2)), evaluation(distances(0.15))
    images = np.arange(150) // 2
    expected = paired(first, second, metric, images)
    found = bootstrap([part(1, "b", [second], metric), part(-1, "a", [first], metric)], images)
    assert (found.difference, found.low, found.high) == pytest.approx(
        (expected.difference, expected.low, expected.high)
    )


def test_width_is_the_binomial_one_and_grows_by_sqrt_two_for_four_rows() -> None:
    people, random = 2000, np.random.default_rng(0)
    rows = [
        Part(sign, str(k), (rates(random.random(people) < 0.5),)) for k, sign in enumerate((1, -1, -1, 1))
    ]
    two, four = (bootstrap(rows[:n], np.arange(people)) for n in (2, 4))
    half = 1.96 * np.sqrt(0.25 / people)
    assert two.high - two.low == pytest.approx(2 * half * np.sqrt(2), rel=0.08)
    assert four.high - four.low == pytest.approx(2 * half * 2, rel=0.08)


def test_people_of_an_image_are_drawn_together() -> None:
    people = np.repeat(np.random.default_rng(0).random(200) < 0.5, 10)
    rows = [Part(1, "a", (rates(people),)), Part(-1, "b", (rates(np.full(2000, 0.5)),))]
    apart, together = bootstrap(rows, np.arange(2000)), bootstrap(rows, np.repeat(np.arange(200), 10))
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(np.sqrt(10), rel=0.1)


def test_the_interval_covers_the_truth_when_seeds_vary_and_not_with_a_single_one() -> None:
    """Two equal rows; a seed shifts all its people by a normal draw as large as the noise of the mean over people."""
    random = np.random.default_rng(5)
    images = np.arange(40)

    def covered(seeds: int) -> bool:
        rows = []
        for sign, name in ((1, "a"), (-1, "b")):
            runs = tuple(rates(random.normal(size=40) + random.normal() * 0.5) for _ in range(seeds))
            rows.append(Part(sign, name, runs))
        found = bootstrap(rows, images, replicates=300)
        return found.low <= 0 <= found.high

    assert np.mean([covered(5) for _ in range(300)]) > 0.88
    assert np.mean([covered(1) for _ in range(300)]) < 0.6


def test_seeds_of_a_row_are_drawn_once_for_all_its_terms() -> None:
    """The gain on occluded joints less that on visible ones: what a seed does to both cancels."""
    seeds = tuple(rates(np.full(50, level)) for level in (10.0, 40.0, 90.0))
    found = bootstrap([Part(1, "a", seeds), Part(-1, "a", seeds)], np.arange(50))
    assert (found.low, found.high) == (0, 0)


@pytest.mark.parametrize("joints", ["visible", "occluded"])
def test_only_the_joints_asked_for_count(joints: str) -> None:
    distance, visibility = distances(0.1), np.random.default_rng(2).integers(0, 3, (150, 8))
    wanted = visibility == {"occluded": 1, "visible": 2}[joints]
    found = part(1, "a", [evaluation(distance, visibility=visibility)], "PCKh@0.1", joints)
    numerator, denominator = found.seeds[0]
    assert numerator.sum() / denominator.sum() == pytest.approx(100 * (distance[wanted] <= 0.1).mean())
    with pytest.raises(UserError, match="no array 'visibility'"):
        part(1, "a", [evaluation(distance)], "PCKh@0.1", joints)


def test_over_seeds_is_welchs_interval() -> None:
    first, second = [70.1, 70.9, 69.5], [68.0, 68.2, 68.3, 67.9]
    expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    found = over_seeds([(1, first), (-1, second)])
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    with pytest.raises(UserError, match="two seeds"):
        over_seeds([(1, first), (-1, [68.0])])


def test_different_people_are_refused() -> None:
    rows = [
        part(1, "a", [evaluation(distances(0.1))], "AUC"),
        part(-1, "b", [evaluation(distances(0.1, 90))], "AUC"),
    ]
    with pytest.raises(UserError, match="different people: 90, 150"):
        bootstrap(rows, np.arange(150))
