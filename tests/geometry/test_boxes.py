"""Boxes against numbers worked out by hand."""

import numpy as np
import pytest

from posereg.geometry import boxes


def test_tight_boxes_hold_the_valid_points_only():
    points = np.array([[[1, 2], [5, 9], [100, -100]], [[3, 3], [4, 4], [5, 5]]], np.float32)
    valid = np.array([[True, True, False], [False, False, False]])
    tight = boxes.from_keypoints(points, valid)
    np.testing.assert_array_equal(tight[0], [1, 2, 5, 9])
    assert np.isnan(tight[1]).all()


def test_centres_and_sizes_go_there_and_back():
    given = np.array([[10, 20, 40, 60], [-5, 0, 5, 1]], np.float32)
    center, size = boxes.center_size(given)
    np.testing.assert_array_equal(center, [[25, 40], [0, 0.5]])
    np.testing.assert_array_equal(size, [[30, 40], [10, 1]])
    np.testing.assert_array_equal(boxes.from_center(center, size), given)


def test_padding_adds_an_eighth_on_every_side():
    np.testing.assert_allclose(boxes.padded(np.array([[0.0, 0, 80, 16]])), [[-10, -2, 90, 18]])


@pytest.mark.parametrize(("aspect", "expected"), [(1.0, (40, 40)), (0.5, (30, 60)), (1.5, (60, 40))])
def test_fixed_aspect_only_grows_the_box_about_its_centre(aspect, expected):
    given = np.array([[10.0, 20, 40, 60]])
    center, size = boxes.center_size(boxes.fix_aspect(given, aspect))
    np.testing.assert_allclose(center, [[25, 40]])
    np.testing.assert_allclose(size, [expected])
    _, padded = boxes.center_size(boxes.fix_aspect(given, aspect, boxes.PADDING))
    np.testing.assert_allclose(padded, 1.25 * size)
