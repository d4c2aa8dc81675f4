"""The Jensen-Shannon divergence against scipy's, at its ends, and its gradient."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon

from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.losses.divergence import gaussian_jensen_shannon

GRID = Grid(12, 10, 4.0)
KEYPOINTS, WEIGHT = torch.tensor([[[14.3, 21.0], [25.0, 30.7], [5.0, 5.0]]]), torch.tensor([[1.0, 1.0, 0.0]])


def gaussians():
    maps, _ = gaussian_maps(KEYPOINTS, torch.ones(1, 3), GRID, 1.0, rounded=False, truncate=None)
    return maps / maps.sum((2, 3), keepdim=True)


def test_it_is_the_square_of_scipys_distance():
    maps = torch.randn(1, 3, 12, 10, generator=torch.Generator().manual_seed(0))
    soft = (2.0 * maps).flatten(2).softmax(-1)[0].numpy()
    expected = [jensenshannon(soft[k], gaussians()[0, k].flatten().numpy()) ** 2 for k in range(2)]
    loss = gaussian_jensen_shannon(maps, KEYPOINTS, WEIGHT, GRID, beta=2.0)
    assert loss.item() == pytest.approx(np.mean(expected), rel=1e-4)


def test_it_runs_from_0_at_the_gaussian_to_log_2_far_away():
    at = gaussians().clamp_min(1e-30).log().requires_grad_()
    loss = gaussian_jensen_shannon(at, KEYPOINTS, WEIGHT, GRID)
    assert loss.item() == pytest.approx(0, abs=1e-5)
    (slope,) = torch.autograd.grad(loss, at)
    assert slope.abs().max() < 1e-4
    away = torch.zeros(1, 3, 12, 10)
    away[:, :, 0, 9] = 90.0
    assert gaussian_jensen_shannon(away, KEYPOINTS, WEIGHT, GRID).item() == pytest.approx(
        math.log(2), abs=1e-3
    )


def test_gradient_against_finite_differences():
    maps = torch.randn(1, 3, 12, 10, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    keypoints, weight = KEYPOINTS.double(), WEIGHT.double()
    assert torch.autograd.gradcheck(
        lambda h: gaussian_jensen_shannon(h, keypoints, weight, GRID, beta=1.5), (maps.requires_grad_(),)
    )


def test_joints_without_weight_have_no_gradient():
    maps = torch.randn(1, 3, 12, 10, requires_grad=True)
    gaussian_jensen_shannon(maps, KEYPOINTS, WEIGHT, GRID).backward()
    assert maps.grad[0, 2].abs().max() == 0
    assert maps.grad[0, :2].abs().amax((1, 2)).min() > 0
