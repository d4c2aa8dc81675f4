"""The 1 euro filter against what its paper says of it."""

import numpy as np
import pytest

from posereg.predict.one_euro import OneEuro

RATE = 25.0


def filtered(points, **settings):
    smoother = OneEuro(**settings)
    return np.array([smoother(point, k / RATE, 100.0) for k, point in enumerate(points)])


def test_a_point_at_rest_is_left_alone():
    np.testing.assert_allclose(filtered(np.full((20, 3, 2), 7.0)), 7.0)


def test_without_speed_it_is_a_first_order_low_pass():
    """A step answers as 1 - exp(-t * 2 pi * cutoff), to the error of a backward difference."""
    points = np.zeros((200, 1, 2))
    points[1:] = 1.0
    found = filtered(points, cutoff=0.2, speed=0.0)
    times = np.arange(200) / RATE
    np.testing.assert_allclose(found[:, 0, 0], 1 - np.exp(-2 * np.pi * 0.2 * times), atol=0.02)


def test_jitter_of_a_resting_point_is_more_than_halved():
    noise = np.random.default_rng(0).normal(size=(500, 4, 2))
    assert filtered(noise)[50:].std() < noise.std() / 2


def test_a_quick_point_is_followed_closer_than_without_speed():
    path = np.linspace(0, 2000, 50)[:, None, None] * np.ones((1, 1, 2))
    late = np.abs(filtered(path, speed=0.0)[-1] - path[-1]).max()
    quick = np.abs(filtered(path)[-1] - path[-1]).max()
    assert quick < late / 4


@pytest.mark.parametrize("factor", [0.5, 4.0])
def test_the_resolution_does_not_matter(factor):
    points = np.random.default_rng(1).normal(size=(30, 2, 2)).cumsum(0)
    large = OneEuro()
    found = [large(factor * point, k / RATE, factor * 100) for k, point in enumerate(points)]
    np.testing.assert_allclose(np.array(found) / factor, filtered(points))


def test_the_same_time_twice_changes_nothing():
    smoother = OneEuro()
    smoother(np.zeros((1, 2)), 0.0, 1.0)
    np.testing.assert_array_equal(smoother(np.ones((1, 2)), 0.0, 1.0), 0.0)
