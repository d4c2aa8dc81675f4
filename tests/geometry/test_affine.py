"""The crop matrix moves pixels and keypoints alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posereg.geometry.affine import crop_matrix, invert, transform
from posereg.geometry.boxes import center_size, fix_aspect, from_center, from_keypoints
from posereg.geometry.pixels import cell_to_pixel, flip_x, pixel_to_cell

number = st.floats(-200, 200)


@given(
    number,
    number,
    st.floats(20, 500),
    st.floats(-180, 180),
    st.booleans(),
    st.sampled_from(["center", "corner"]),
)
def test_inverse_returns_every_point(cx, cy, side, rotation, flip, convention):
    matrix = crop_matrix((cx, cy), (side, side), (64, 48), rotation, flip, convention)
    points = np.array([[0.0, 0.0], [63.0, 10.0], [5.5, 47.0]])
    np.testing.assert_allclose(transform(transform(points, matrix), invert(matrix)), points, atol=1e-6)


@given(number, number, st.floats(20, 500), st.floats(-180, 180))
def test_flip_mirrors_the_unflipped_crop(cx, cy, side, rotation):
    points = np.array([[cx, cy], [cx + 7, cy - 3]])
    straight = transform(points, crop_matrix((cx, cy), (side, side), (64, 64), rotation))
    mirrored = transform(points, crop_matrix((cx, cy), (side, side), (64, 64), rotation, flip=True))
    np.testing.assert_allclose(mirrored[:, 0], flip_x(straight[:, 0], 64), atol=1e-6)
    np.testing.assert_allclose(mirrored[:, 1], straight[:, 1], atol=1e-6)


def test_box_edges_land_on_the_input_edges():
    matrix = crop_matrix((10.0, 20.0), (40.0, 40.0), (80, 80))
    edges = transform(np.array([[-10.0, 0.0], [30.0, 40.0]]), matrix)
    # Edges of the box, half a pixel outside the first and last pixel centres.
    np.testing.assert_allclose(edges, [[-0.5, -0.5], [79.5, 79.5]])


def test_corner_convention_puts_the_center_at_half_the_size():
    matrix = crop_matrix((10.0, 20.0), (40.0, 40.0), (80, 60), convention="corner")
    np.testing.assert_allclose(transform(np.array([[10.0, 20.0]]), matrix), [[40.0, 30.0]])


def test_rotation_turns_clockwise_in_the_picture():
    matrix = crop_matrix((0.0, 0.0), (64.0, 64.0), (64, 64), rotation=90)
    center = transform(np.zeros((1, 2)), matrix)
    right = transform(np.array([[10.0, 0.0]]), matrix)
    np.testing.assert_allclose(right - center, [[0.0, 10.0]], atol=1e-9)


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 32])
def test_flipping_the_grid_is_flipping_the_pixels(stride):
    cells = 256 // stride
    cell = np.arange(cells)
    np.testing.assert_allclose(
        cell_to_pixel(flip_x(cell, cells), stride), flip_x(cell_to_pixel(cell, stride), 256)
    )
    misses = cell_to_pixel(flip_x(cell, cells), stride, "corner") - flip_x(
        cell_to_pixel(cell, stride, "corner"), 256
    )
    np.testing.assert_allclose(misses, 1 - stride)


@given(st.floats(-50, 300), st.sampled_from([1, 4, 8]), st.sampled_from(["center", "corner"]))
def test_cells_and_pixels_are_inverse(pixel, stride, convention):
    assert cell_to_pixel(pixel_to_cell(pixel, stride, convention), stride, convention) == pytest.approx(
        pixel, abs=1e-9
    )


def test_boxes():
    points = np.array([[[0.0, 1.0], [4.0, 9.0], [99.0, 99.0]], [[1.0, 1.0]] * 3])
    valid = np.array([[True, True, False], [False] * 3])
    tight = from_keypoints(points, valid)
    np.testing.assert_allclose(tight[0], [0, 1, 4, 9])
    assert np.isnan(tight[1]).all()
    grown = fix_aspect(tight[:1], aspect=1.0, padding=1.25)
    np.testing.assert_allclose(grown, [[-3, 0, 7, 10]])
    center, size = center_size(grown)
    np.testing.assert_allclose(from_center(center, size), grown)
