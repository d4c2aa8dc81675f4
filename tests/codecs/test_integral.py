"""Integral decoding against the formula, finite differences and the published error of an ideal Gaussian."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_score_is_the_probability_within_one_cell():
    """A flat map of 8 x 8: the expectation lies between four cells, each window of nine holds 9 / 64."""
    _, score = integral_decode(torch.zeros(1, 1, 8, 8), Grid(8, 8, 4))
    assert score.item() == pytest.approx(9 / 64)
    corner = torch.full((1, 1, 8, 8), -200.0)
    corner[0, 0, 0, 0] = 0.0
    decoded, score = integral_decode(corner, Grid(8, 8, 4))
    assert decoded[0, 0].tolist() == pytest.approx([1.5, 1.5])
    assert score.item() == pytest.approx(1.0)


@pytest.mark.parametrize("normalisation", ["relu_sum", "debiased"])
def test_the_positive_part_of_an_empty_map_is_finite(normalisation):
    cells, probability = expectation(-torch.ones(1, 1, 4, 4), normalisation=normalisation)
    assert cells.tolist() == [[[0, 0]]]
    assert probability.sum() == 0


def test_debiased_is_the_papers_compensation_with_its_gradient():
    """C (J - hw / C centre) / (C - hw), where C is the softmax's sum and J its expectation (Gu et al., ICCV 2021)."""
    beta = 1.7
    maps = torch.rand(2, 3, 6, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    cells, probability = expectation(maps, beta, "debiased")
    exact = maps.double()
    weights = torch.exp(beta * exact)
    total = weights.sum((2, 3))[..., None]
    biased = torch.stack(
        [(weights.sum(2) * torch.arange(5)).sum(-1), (weights.sum(3) * torch.arange(6)).sum(-1)], -1
    )
    expected = (biased - 30 * torch.tensor([2.0, 2.5])) / (total - 30)
    torch.testing.assert_close(cells, expected.float(), atol=1e-4, rtol=0)
    torch.testing.assert_close(probability.sum((2, 3)), torch.ones(2, 3))
    (ours,) = torch.autograd.grad(cells.square().sum(), maps, retain_graph=True)
    (theirs,) = torch.autograd.grad(expected.square().sum(), maps)
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("beta", [0.1, 1.0, 10.0, 500.0])
def test_debiased_finds_a_gaussian_wherever_it_stands(beta):
    """The softmax pulls it to the map's centre, by 10 cells at beta 1."""
    grid = Grid(32, 32, 1)
    keypoints = points((5.3, 9.8), (20.1, 25.9))
    maps, _ = gaussian_maps(keypoints, torch.ones(1, 2), grid, 1.0, rounded=False, truncate=None)
    limit = 0.02 if beta <= 1 else 0.5  # towards the argmax
    assert (expectation(maps, beta, "debiased")[0] - keypoints).abs().max() < limit
