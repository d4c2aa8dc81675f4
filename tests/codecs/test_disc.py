"""Disc targets against the published cell counts and a loop over cells."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.codecs.disc import disc_maps
from posereg.codecs.grid import Grid

conventions = st.sampled_from(["center", "corner"])


def points(*pairs):
    return torch.tensor([list(map(list, pairs))], dtype=torch.float32)


def test_disc_sizes_match_the_facts():
    # Stride 8, 15 px: 9 to 13 positive cells, mean 11.05 (docs/papers/integral.md#targets).
    grid = Grid(32, 32, 8)
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.rand(2000, 1, 2, generator=generator) * 100 + 70
    counts = disc_maps(keypoints, grid, 15.0).sum((2, 3)).float()
    assert counts.min() >= 9
    assert counts.max() <= 13
    assert counts.mean().item() == pytest.approx(11.05, abs=0.1)
    # Full resolution: radius 10 -> about 317 px, 15 -> 709 (3.4).
    full = disc_maps(points((100.0, 100.0)), Grid(256, 256, 1), torch.tensor([10.0])).sum().item()
    assert full == 317
    assert disc_maps(points((100.0, 100.0)), Grid(256, 256, 1), 15.0).sum().item() == 709


@settings(max_examples=30, deadline=None)
@given(st.floats(-20, 80), st.floats(-20, 80), st.floats(0, 30), st.sampled_from([1, 4, 8]), conventions)
def test_disc_equals_a_loop_over_cells(x, y, radius, stride, convention):
    grid = Grid(6, 7, stride, convention)
    got = disc_maps(points((x, y)), grid, radius)[0, 0]
    offset = (stride - 1) / 2 if convention == "center" else 0.0
    for row in range(6):
        for column in range(7):
            distance = math.hypot(column * stride + offset - x, row * stride + offset - y)
            if abs(distance - radius) > 1e-3:  # float32 may decide either way on the rim itself
                assert bool(got[row, column]) == (distance <= radius)


def test_the_rim_belongs_to_the_disc_and_radii_go_with_the_samples():
    keypoints = points((5.0, 5.0)).repeat(3, 1, 1)
    counts = disc_maps(keypoints, Grid(11, 11, 1), torch.tensor([0.0, 1.0, 2.0])).sum((1, 2, 3))
    assert counts.tolist() == [1, 5, 13]
