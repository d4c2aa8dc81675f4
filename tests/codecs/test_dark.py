"""The sub-cell maximum of Gaussian maps, of cut and noisy ones, and where there is none."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.dark import dark_decode, smoothed
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid


def encoded(keypoints, grid, sigma, truncate=None):
    return gaussian_maps(
        keypoints, torch.ones(keypoints.shape[:2]), grid, sigma, rounded=False, truncate=truncate
    )[0]


@settings(max_examples=50, deadline=None)
@given(
    x=st.floats(40, 215),
    y=st.floats(40, 215),
    stride=st.sampled_from([4, 8]),
    sigma=st.sampled_from([1.0, 2.0]),
    convention=st.sampled_from(["center", "corner"]),
)
def test_a_gaussian_map_gives_its_keypoint_back_exactly(x, y, stride, sigma, convention):
    grid = Grid(256 // stride, 256 // stride, stride, convention)
    keypoints = torch.tensor([[[x, y]]])
    found, score = dark_decode(encoded(keypoints, grid, sigma), grid, sigma)
    # The smoothing kernel ends at 3 sigma, which moves the top by thousandths of a cell.
    assert (found - keypoints).abs().max() < 0.02 * stride
    assert 0.7 < score.item() <= 1


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_it_is_nearer_than_the_cell_on_cut_and_noisy_targets(sigma):
    grid = Grid(64, 48, 4.0)
    generator = torch.Generator().manual_seed(0)
    keypoints = 24 + torch.rand(4, 50, 2, generator=generator) * torch.tensor([140.0, 200.0])
    maps = encoded(keypoints, grid, sigma, truncate=3.0)
    maps = maps + 0.01 * torch.randn(maps.shape, generator=generator)
    ours = (dark_decode(maps, grid, sigma)[0] - keypoints).norm(dim=-1).mean()
    cells = (argmax_decode(maps, grid)[0] - keypoints).norm(dim=-1).mean()
    assert ours < 0.25 * cells


def test_maxima_without_a_hill_stay_where_they_are():
    grid = Grid(8, 8, 4.0)
    corner = torch.zeros(1, 1, 8, 8)
    corner[0, 0, 0, 7] = 1.0
    flat = torch.full((1, 1, 8, 8), 0.3)
    negative = torch.full((1, 1, 8, 8), -1.0)
    for maps in (corner, flat, negative):
        found, _ = dark_decode(maps, grid, sigma=0.3)
        assert found.isfinite().all()
    assert dark_decode(corner, grid, sigma=0.3)[0].tolist() == [[[4 * 7 + 1.5, 1.5]]]


def test_smoothing_keeps_the_sum_and_equals_a_convolution():
    maps = torch.zeros(1, 2, 15, 17)
    maps[0, 0, 7, 8] = 1.0
    maps[0, 1, 6, 9] = 2.0
    smooth = smoothed(maps, 1.0)
    torch.testing.assert_close(smooth.sum((2, 3)), torch.tensor([[1.0, 2.0]]))
    density = torch.exp(-0.5 * torch.arange(-3.0, 4) ** 2)
    density = density / density.sum()
    torch.testing.assert_close(smooth[0, 0, 4:11, 5:12], density[:, None] * density)


def test_mirrored_maps_give_mirrored_keypoints():
    grid = Grid(16, 12, 4.0)
    maps = encoded(torch.tensor([[[20.3, 31.7], [30.0, 40.9]]]), grid, 1.0)
    found, _ = dark_decode(maps, grid)
    mirrored, _ = dark_decode(maps.flip(-1), grid)
    torch.testing.assert_close(47 - mirrored[..., 0], found[..., 0], atol=1e-3, rtol=0)
    torch.testing.assert_close(mirrored[..., 1], found[..., 1], atol=1e-3, rtol=0)
