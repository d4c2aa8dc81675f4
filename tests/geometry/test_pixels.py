"""The pixel convention against pooling, flipping and cutting of real arrays."""

import numpy as np
import pytest

from posereg.geometry import pixels

STRIDES = [1, 2, 4, 7]


@pytest.mark.parametrize("stride", STRIDES)
def test_a_cell_lies_at_the_mean_of_the_pixels_it_covers(stride):
    columns = np.arange(5 * stride, dtype=float).reshape(5, stride)
    np.testing.assert_allclose(pixels.cell_to_pixel(np.arange(5.0), stride), columns.mean(axis=1))
    np.testing.assert_allclose(pixels.cell_to_pixel(np.arange(5.0), stride, "corner"), columns[:, 0])


@pytest.mark.parametrize("convention", ["center", "corner"])
@pytest.mark.parametrize("stride", STRIDES)
def test_pixels_and_cells_are_inverse(stride, convention):
    place = np.linspace(-3, 30, 12)
    back = pixels.cell_to_pixel(pixels.pixel_to_cell(place, stride, convention), stride, convention)
    np.testing.assert_allclose(back, place, atol=1e-12)


def test_a_mirrored_array_holds_each_column_where_flip_x_says():
    row = np.arange(10) ** 2
    np.testing.assert_array_equal(row[::-1][pixels.flip_x(np.arange(10), 10)], row)


@pytest.mark.parametrize("stride", STRIDES)
def test_only_pixel_centres_flip_exactly_on_the_grid(stride):
    width, cells = 8 * stride, np.arange(8.0)
    mirrored = pixels.flip_x(cells, 8)
    for convention, miss in (("center", 0), ("corner", stride - 1)):
        image = pixels.flip_x(pixels.cell_to_pixel(cells, stride, convention), width)
        np.testing.assert_allclose(image - pixels.cell_to_pixel(mirrored, stride, convention), miss)


def test_what_lies_inside_are_the_points_that_round_to_a_pixel():
    points = np.array([[-0.51, 0], [-0.5, 0], [3.49, 1.49], [3.5, 1], [0, 1.5], [2, 1]])
    nearest = np.floor(points + 0.5)
    expected = (nearest >= 0).all(axis=1) & (nearest < [4, 2]).all(axis=1)
    np.testing.assert_array_equal(pixels.inside(points, np.array([4, 2])), expected)
    corner = pixels.inside(np.array([[-0.1, 0], [0, 0], [3.9, 1.9], [4, 1]]), np.array([4, 2]), "corner")
    assert corner.tolist() == [False, True, True, False]


def test_the_middle_is_the_mean_of_all_pixels_and_of_the_box():
    across, down = np.meshgrid(np.arange(6), np.arange(3))
    assert pixels.middle((6, 3)) == (across.mean(), down.mean())
    x1, y1, x2, y2 = pixels.image_box(6, 3)
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pixels.middle((6, 3))
    assert (x2 - x1, y2 - y1) == (6, 3)
    assert pixels.middle((6, 3), "corner") == (3, 1.5)
