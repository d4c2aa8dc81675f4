"""Codecs against closed forms, slow loops and round trips."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.coordinates import denormalise, normalise
from posereg.codecs.disc import disc_maps
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.codecs.integral import expectation, integral_decode, integral_encode

conventions = st.sampled_from(["center", "corner"])


def points(*pairs):
    return torch.tensor([list(map(list, pairs))], dtype=torch.float32)


@settings(max_examples=50, deadline=None)
@given(st.floats(8, 240), st.floats(8, 240), st.sampled_from([4, 8, 16]), conventions)
def test_integral_encode_then_decode_returns_the_keypoint(x, y, stride, convention):
    grid = Grid(256 // stride, 256 // stride, stride, convention)
    keypoints = points((x, y)).clamp(stride / 2, 255 - stride)
    decoded, score = integral_decode(integral_encode(keypoints, grid).clamp_min(1e-30).log(), grid)
    torch.testing.assert_close(decoded, keypoints, atol=2e-3, rtol=0)
    assert score.item() == pytest.approx(1.0, abs=1e-4)


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


@given(st.floats(-50, 300), st.floats(-50, 300), conventions)
def test_coordinates_round_trip(x, y, convention):
    keypoints = points((x, y))
    back = denormalise(normalise(keypoints, (256, 192), convention), (256, 192), convention)
    torch.testing.assert_close(back, keypoints, atol=1e-3, rtol=0)


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


def test_argmax_equals_numpy():
    maps = torch.randn(3, 5, 9, 7)
    decoded, score = argmax_decode(maps, Grid(9, 7, 4, "corner"))
    for b in range(3):
        for k in range(5):
            y, x = np.unravel_index(maps[b, k].numpy().argmax(), (9, 7))
            assert decoded[b, k].tolist() == [4 * x, 4 * y]
            assert score[b, k] == maps[b, k].max()


def test_expectation_equals_the_formula_and_its_gradient():
    maps = torch.randn(2, 3, 6, 5, dtype=torch.float32, requires_grad=True)
    cells, probability = expectation(maps, beta=1.7)
    soft = torch.softmax((1.7 * maps).flatten(2), -1).view_as(maps)
    x = (soft * torch.arange(5)).sum((2, 3))
    y = (soft * torch.arange(6)[:, None]).sum((2, 3))
    torch.testing.assert_close(cells, torch.stack([x, y], -1))
    torch.testing.assert_close(probability, soft)
    weights = torch.randn(2, 3, 2)
    (ours,) = torch.autograd.grad((cells * weights).sum(), maps)
    (theirs,) = torch.autograd.grad((torch.stack([x, y], -1) * weights).sum(), maps)
    torch.testing.assert_close(ours, theirs)


def test_expectation_gradient_against_finite_differences():
    maps = torch.randn(1, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    from posereg.codecs.integral import _Expectation

    assert torch.autograd.gradcheck(lambda h: _Expectation.apply(h)[0], (maps,))


@pytest.mark.parametrize(
    ("beta", "size", "mean"), [(1, 32, 9.78), (12, 32, 0.187), (10, 64, 4.63), (15, 64, 0.216)]
)
def test_integral_of_an_ideal_gaussian_as_in_the_facts(beta, size, mean):
    # docs/papers/integral.md#integral-of-a-gaussian: mean error in cells over
    # random sub-pixel centres at least 3 cells from the border.
    grid = Grid(size, size, 1)
    generator = torch.Generator().manual_seed(1)
    keypoints = 3 + torch.rand(1, 1500, 2, generator=generator) * (size - 7)
    maps, _ = gaussian_maps(keypoints, torch.ones(1, 1500), grid, 1.0, rounded=False, truncate=None)
    cells, _ = expectation(maps, beta)
    assert (cells - keypoints).norm(dim=-1).mean().item() == pytest.approx(mean, rel=0.08)
    exact, _ = expectation(maps, normalisation="relu_sum")
    assert (exact - keypoints).norm(dim=-1).mean().item() < 2e-2


def test_integral_stays_float32_under_autocast():
    maps = torch.randn(1, 1, 64, 64) * 10
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cells, _ = expectation(maps)
    assert cells.dtype == torch.float32
    torch.testing.assert_close(cells, expectation(maps)[0])
