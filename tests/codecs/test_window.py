"""The expectation about the maximum: exact for Gaussians anywhere, deaf to what is far away, argmax when sharp."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.grid import Grid
from posereg.codecs.window import window_decode


def logits(x, y, height=12, width=16):
    """Logits of a Gaussian of sigma 1 about a cell."""
    rows, columns = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    return -((columns - x) ** 2 + (rows - y) ** 2)[None, None] / 2


@settings(max_examples=50, deadline=None)
@given(st.floats(3, 12), st.floats(3, 8), st.sampled_from(["center", "corner"]))
def test_a_gaussian_is_read_between_the_cells(x, y, convention):
    grid = Grid(12, 16, 4, convention)
    keypoints, mass = window_decode(logits(x, y), grid)
    # The window cuts the Gaussian off unevenly when it lies between two cells.
    torch.testing.assert_close(keypoints, grid.pixels(torch.tensor([[[x, y]]])), atol=4 * 0.1, rtol=0)
    assert 0.85 < mass.item() <= 1


def test_far_mass_does_not_pull():
    grid, maps = Grid(12, 16, 4), logits(4, 5)
    alone, _ = window_decode(maps, grid)
    two = torch.maximum(maps, logits(13, 9) - 0.1)
    beside, mass = window_decode(two, grid)
    torch.testing.assert_close(beside, alone, atol=1e-2, rtol=0)
    assert mass.item() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (15, 0), (0, 11), (15, 11)])
def test_at_the_border_only_cells_of_the_map_count(x, y):
    """The right value from the formula over the cells that exist."""
    maps, grid = logits(x, y), Grid(12, 16, 4)
    keypoints, _ = window_decode(maps, grid)
    soft = torch.softmax(maps.flatten(2), 2).view(12, 16)
    rows = slice(max(0, y - 2), y + 3)
    columns = slice(max(0, x - 2), x + 3)
    window = soft[rows, columns]
    cx = (window * torch.arange(16.0)[columns]).sum() / window.sum()
    cy = (window * torch.arange(12.0)[rows, None]).sum() / window.sum()
    torch.testing.assert_close(keypoints[0, 0], grid.pixels(torch.stack([cx, cy])))


def test_a_high_beta_is_argmax_and_autocast_changes_nothing():
    maps, grid = torch.randn(2, 3, 12, 16), Grid(12, 16, 4)
    torch.testing.assert_close(window_decode(maps, grid, 1e4)[0], argmax_decode(maps, grid)[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(window_decode(maps, grid)[0], window_decode(maps, grid)[0])
        assert window_decode(maps, grid)[0].dtype == torch.float32
