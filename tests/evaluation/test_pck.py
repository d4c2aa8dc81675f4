import numpy as np
import pytest

from posereg.evaluation import pck

NAN, INF = np.nan, np.inf
DISTANCE = np.array([[0.1, 0.5, NAN], [0.6, 0.2, NAN], [INF, NAN, NAN]])


def test_distances_are_in_units_of_the_size_and_lost_joints_infinitely_far():
    truth = np.zeros((2, 2, 2))
    found = np.array([[[3.0, 4.0], [NAN, 0.0]], [[6.0, 8.0], [1.0, 1.0]]])
    counted = np.array([[True, True], [True, False]])
    distance = pck.normalised_distance(truth, found, np.array([10.0, 20.0]), counted)
    assert np.array_equal(distance, [[0.5, INF], [0.5, NAN]], equal_nan=True)


def test_hits_include_the_threshold_and_count_the_lost():
    correct, counted = pck.hits(DISTANCE, np.array([0.0, 0.2, 0.5, 1.0]))
    assert correct.tolist() == [[0, 0, 0], [1, 1, 0], [1, 2, 0], [2, 2, 0]]
    assert counted.tolist() == [3, 2, 0]


def test_the_pooled_rate_and_the_mean_of_rates_differ():
    correct, counted = pck.hits(DISTANCE, np.array([0.5]))
    assert pck.rate(correct, counted) == pytest.approx([60])
    assert pck.column(correct[0], counted, (0, 1)) == pytest.approx((100 / 3 + 100) / 2)
    assert np.isnan(pck.column(correct[0], counted, (2,)))


def test_per_joint_and_by_visibility():
    found = pck.per_joint(DISTANCE, ("a", "b", "c"), 0.5)
    assert found["a"] == pytest.approx(100 / 3)
    assert found["b"] == 100
    assert np.isnan(found["c"])
    visibility = np.array([[2, 1, 0], [1, 2, 0], [2, 0, 0]])
    assert pck.by_visibility(DISTANCE, visibility, 0.5) == {
        "visible": (pytest.approx(200 / 3), 3),
        "occluded": (50, 2),
    }


def test_area_under_a_straight_line():
    assert pck.area_under(np.array([0.0, 0.1, 0.2]), np.array([0.0, 50.0, 100.0])) == pytest.approx(50)
