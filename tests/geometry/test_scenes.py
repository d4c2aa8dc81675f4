"""Whole images as inputs: sizes, and where the image lies in them."""

import numpy as np
import pytest

from posereg.geometry.scenes import inference_matrix, inference_size

SHAPES = [(640, 480), (480, 640), (333, 500), (512, 512), (2000, 300)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("side", [256, 512])
def test_the_image_fits_and_its_short_side_fills_the_input(shape, side):
    size = inference_size(shape, side)
    assert min(size) == side
    assert size[0] % 64 == size[1] % 64 == 0
    assert (size[0] < size[1]) == (shape[0] < shape[1])
    scale = side / min(shape)
    assert 0 <= max(size) - scale * max(shape) < 64 + 1e-9


@pytest.mark.parametrize("shape", SHAPES)
def test_all_scales_of_a_test_are_exact_multiples_of_the_smallest(shape):
    base = inference_size(shape, 512, 0.5, 0.5)
    assert inference_size(shape, 512, 2.0, 0.5) == (4 * base[0], 4 * base[1])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_middle_of_the_image_lands_in_the_middle_of_the_input(shape):
    size = inference_size(shape, 256)
    matrix = inference_matrix(shape, size)
    middle = matrix @ [(shape[0] - 1) / 2, (shape[1] - 1) / 2, 1]
    np.testing.assert_allclose(middle, [(size[0] - 1) / 2, (size[1] - 1) / 2])
    np.testing.assert_allclose(matrix[:, :2], 256 / min(shape) * np.eye(2), atol=1e-12)
