"""Gaussian targets against a loop over cells, and back through the argmax."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid

conventions = st.sampled_from(["center", "corner"])


def points(*pairs):
    return torch.tensor([list(map(list, pairs))], dtype=torch.float32)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 255), st.floats(0, 255), st.sampled_from([2, 4, 8]), conventions)
def test_gaussian_and_argmax_return_the_keypoint_within_half_a_cell(x, y, stride, convention):
    grid = Grid(256 // stride, 256 // stride, stride, convention)
    keypoints = points((x, y))
    maps, weight = gaussian_maps(keypoints, torch.ones(1, 1), grid)
    decoded, score = argmax_decode(maps, grid)
    assert weight.item() == 1
    reach = (
        stride / 2 + 1e-4 if convention == "center" else stride + 1e-4
    )  # corner: the last cell is at W - s
    assert (decoded - keypoints).abs().max().item() <= reach
    cell, inside = grid.nearest(keypoints)
    if inside.item():
        assert (decoded - keypoints).abs().max().item() <= stride / 2 + 1e-4
        assert score.item() == 1.0
        assert torch.equal(grid.cells(decoded).round().long(), cell)


def test_gaussian_equals_a_per_cell_loop():
    grid = Grid(16, 12, 4)
    keypoints = points((9.0, 30.0), (-3.0, 10.0), (400.0, 5.0), (20.0, 20.0))
    weight = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    maps, counted = gaussian_maps(keypoints, weight, grid, sigma=1.5)
    for k in range(4):
        cx, cy = (math.floor(v + 0.5) for v in grid.cells(keypoints)[0, k].tolist())
        for y in range(16):
            for x in range(12):
                near = abs(x - cx) <= 4.5 and abs(y - cy) <= 4.5 and weight[0, k] > 0
                expected = math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * 1.5**2)) if near else 0.0
                assert maps[0, k, y, x].item() == pytest.approx(expected, abs=1e-6)
    assert counted.tolist() == [[1.0, 1.0, 0.0, 0.0]]


def test_gaussian_sigma_per_sample_and_sub_pixel_centres():
    grid = Grid(32, 32, 1)
    keypoints = torch.tensor([[[10.3, 12.0]], [[10.3, 12.0]]])
    maps, _ = gaussian_maps(
        keypoints, torch.ones(2, 1), grid, torch.tensor([1.0, 3.0]), rounded=False, truncate=None
    )
    for b, sigma in enumerate((1.0, 3.0)):
        assert maps[b, 0, 12, 10].item() == pytest.approx(math.exp(-(0.3**2) / (2 * sigma**2)), abs=1e-6)


@pytest.mark.parametrize(
    ("column", "counts"), [(-4.6, False), (-3.4, True), (-0.5, True), (11.0, True), (15.6, False)]
)
def test_a_joint_counts_while_its_window_touches_the_map(column, counts):
    """Sigma 1, cut at 3: a centre up to three cells outside still paints; rounding goes to the nearest cell."""
    grid = Grid(8, 12, 1)
    maps, weight = gaussian_maps(points((column, 4.0)), torch.ones(1, 1), grid)
    assert bool(weight.item()) is counts
    assert bool(maps.any()) is counts


def test_peak_is_one_on_the_nearest_cell_and_the_window_seven_wide():
    maps, _ = gaussian_maps(points((31.0, 30.0)), torch.ones(1, 1), Grid(16, 16, 4))
    cells = maps[0, 0].nonzero()
    assert maps[0, 0, 7, 7].item() == 1.0
    assert cells.amin(0).tolist() == [4, 4]
    assert cells.amax(0).tolist() == [10, 10]
