"""The factor at which maps made for an argmax give an expectation."""

import pytest
import torch

from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.codecs.integral import expectation, integral_encode
from posereg.codecs.temperature import BETAS, fitting_beta

GRID = Grid(32, 32, 8.0)


def people(count=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    keypoints = 24 + torch.rand(count, 4, 2, generator=generator) * 208
    return keypoints, torch.ones(count, 4)


def error(maps, keypoints, beta):
    return (expectation(maps, beta)[0] - GRID.cells(keypoints)).norm(dim=-1)


@pytest.mark.parametrize("peak", [1.0, 0.3])
@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_gaussian_maps_become_positions_whatever_their_peak(peak, noise):
    keypoints, weight = people()
    target, _ = gaussian_maps(keypoints, weight, GRID, 1.0)
    maps = peak * (target + noise * torch.randn(target.shape, generator=torch.Generator().manual_seed(1)))
    beta = fitting_beta(maps, keypoints, weight, GRID)
    # docs/papers/integral.md#integral-of-a-gaussian: 12 for a peak of 1 on 32x32, and 20 is almost as good.
    assert 10 <= beta * peak <= 24
    assert error(maps, keypoints, beta).mean() < 0.45 < error(maps, keypoints, 1.0).mean()


def test_logits_of_a_softmax_are_taken_as_they_are():
    keypoints, weight = people()
    logits = integral_encode(keypoints, GRID).clamp_min(1e-4).log()
    assert fitting_beta(logits, keypoints, weight, GRID) == pytest.approx(1.0, rel=0.5)


def test_misses_do_not_pull_the_factor_towards_a_uniform_softmax():
    # Two thirds of the maps peak at a wrong place: the mean distance alone would be smallest in the map's centre.
    keypoints, weight = people(60)
    shown = torch.where(torch.arange(60)[:, None, None] % 3 > 0, keypoints.flip(0), keypoints)
    maps, _ = gaussian_maps(shown, weight, GRID, 1.0)
    beta = fitting_beta(maps, keypoints, weight, GRID)
    assert min(BETAS, key=lambda beta: float(error(maps, keypoints, beta).mean())) < beta
    assert error(maps[::3], keypoints[::3], beta).mean() < 0.5


def test_joints_that_do_not_count_decide_nothing():
    keypoints, weight = people()
    maps, _ = gaussian_maps(keypoints, weight, GRID, 1.0)
    fitting = fitting_beta(maps, keypoints, weight, GRID)
    wrong = torch.cat([maps, maps.flip(0) * 50])
    counted = torch.cat([weight, torch.zeros_like(weight)])
    assert fitting_beta(wrong, keypoints.repeat(2, 1, 1), counted, GRID) == fitting
    assert fitting_beta(maps, keypoints, torch.zeros_like(weight), GRID) == 1.0


def test_the_argmax_is_no_temperature_though_it_is_a_little_nearer():
    """Background so restless that the softmax must be sharp, and still it does not become the argmax."""
    keypoints, weight = people()
    maps, _ = gaussian_maps(keypoints, weight, GRID, 1.0)
    maps = 0.25 * maps + 0.03 * torch.randn(maps.shape, generator=torch.Generator().manual_seed(1))
    beta = fitting_beta(maps, keypoints, weight, GRID)
    assert beta < 256
    best = min(error(maps, keypoints, one).clamp(max=2).mean() for one in BETAS)
    assert error(maps, keypoints, beta).clamp(max=2).mean() <= best + 0.01 + 1e-6
