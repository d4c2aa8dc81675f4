"""Losses against slow formulas and at their optimum."""

import math

import pytest
import torch

from posereg.codecs.disc import disc_maps
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.losses.integral import (
    coordinate_loss,
    disc_cross_entropy,
    gaussian_cross_entropy,
    gaussian_mse,
    one_hot_cross_entropy,
)

GRID = Grid(16, 16, 8)


@pytest.fixture
def labels():
    keypoints = torch.tensor([[[20.0, 40.0], [100.0, 90.0], [60.0, 60.0]]])
    return keypoints, torch.tensor([[1.0, 1.0, 0.0]])


def test_gaussian_mse_is_zero_at_its_target_and_ignores_uncounted_joints(labels):
    keypoints, weight = labels
    maps, _ = gaussian_maps(keypoints, torch.ones(1, 3), GRID)
    assert gaussian_mse(maps, keypoints, weight, GRID).item() == 0
    maps[0, 2] += 100
    assert gaussian_mse(maps, keypoints, weight, GRID).item() == 0
    maps[0, 0] += 1
    assert gaussian_mse(maps, keypoints, weight, GRID).item() == pytest.approx(0.5)


def test_gaussian_mse_about_the_exact_place(labels):
    keypoints, weight = labels
    maps, _ = gaussian_maps(keypoints, torch.ones(1, 3), GRID, rounded=False)
    assert gaussian_mse(maps, keypoints, weight, GRID, rounded=False).item() == 0
    assert gaussian_mse(maps, keypoints, weight, GRID).item() > 0


def test_one_hot_equals_the_log_softmax_at_the_cell(labels):
    keypoints, weight = labels
    maps = torch.randn(1, 3, 16, 16)
    expected = []
    for k in range(2):
        x, y = (math.floor((v - 3.5) / 8 + 0.5) for v in keypoints[0, k].tolist())
        expected.append(-torch.log_softmax(maps[0, k].flatten(), 0)[y * 16 + x].item())
    loss = one_hot_cross_entropy(maps, keypoints, weight, GRID)
    assert loss.item() == pytest.approx(sum(expected) / 2, rel=1e-5)


def test_one_hot_drops_joints_off_the_map():
    keypoints = torch.tensor([[[500.0, 40.0], [20.0, 40.0]]])
    maps = torch.randn(1, 2, 16, 16)
    both = one_hot_cross_entropy(maps, keypoints, torch.ones(1, 2), GRID)
    one = one_hot_cross_entropy(maps[:, 1:], keypoints[:, 1:], torch.ones(1, 1), GRID)
    assert both.item() == pytest.approx(one.item())


def test_gaussian_cross_entropy_is_least_at_the_gaussian_about_the_exact_place():
    """Its least value is the Gaussian's entropy, log(sigma sqrt(2 pi e)) an axis; its gradient vanishes there."""
    keypoints, weight = torch.tensor([[[61.3, 66.6], [0.0, 0.0]]]), torch.tensor([[1.0, 0.0]])
    place = GRID.cells(keypoints)[0, 0]
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    squared = (columns - place[0]).square() + (rows - place[1]).square()
    maps = torch.stack([-squared / 2, torch.randn(16, 16)])[None].requires_grad_()
    loss = gaussian_cross_entropy(maps, keypoints, weight, GRID, sigma=1.0)
    assert loss.item() == pytest.approx(math.log(2 * math.pi * math.e), abs=1e-3)
    (slope,) = torch.autograd.grad(loss, maps)
    assert slope.abs().max() < 1e-6
    for change in (torch.roll(maps, 1, 3), maps * 1.1, maps * 0.9):
        assert gaussian_cross_entropy(change, keypoints, weight, GRID).item() > loss.item() + 1e-3


def test_disc_loss_uses_all_positives_and_three_negatives_each(labels):
    keypoints, weight = labels
    # Constant logits: every chosen cell costs the same, so the loss shows the 1:3 ratio.
    maps = torch.full((1, 3, 16, 16), 2.0)
    positive, negative = math.log1p(math.exp(-2)), math.log1p(math.exp(2))
    loss = disc_cross_entropy(maps, keypoints, weight, GRID)
    assert loss.item() == pytest.approx((positive + 3 * negative) / 4, rel=1e-5)


def test_disc_negatives_are_drawn_anew_and_never_positive(labels):
    keypoints, weight = labels
    disc = disc_maps(keypoints, GRID, 15.0)
    gradients = []
    for _ in range(2):
        maps = torch.zeros(1, 3, 16, 16, requires_grad=True)
        disc_cross_entropy(maps, keypoints, weight, GRID).backward()
        gradients.append(maps.grad)
    for gradient in gradients:
        assert (gradient[disc & (weight > 0)[..., None, None]] < 0).all()
        assert (gradient[~disc] >= 0).all()
        for k in range(2):
            assert (gradient[0, k] > 0).sum() == 3 * disc[0, k].sum()
        assert (gradient[0, 2] == 0).all()
    assert not torch.equal(gradients[0], gradients[1])


def test_coordinate_losses(labels):
    keypoints, weight = labels
    moved = keypoints + torch.tensor([3.0, -1.0])
    assert coordinate_loss(moved, keypoints, weight).item() == pytest.approx(2.0)
    assert coordinate_loss(moved, keypoints, weight, "l2").item() == pytest.approx(5.0)
    assert coordinate_loss(moved, keypoints, weight, "euclidean").item() == pytest.approx(math.sqrt(10))
    assert coordinate_loss(moved, keypoints, torch.zeros(1, 3)).item() == 0
