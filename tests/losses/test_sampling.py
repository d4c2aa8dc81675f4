"""The expected distance of drawn places against the exact one, what it prefers, and its gradient."""

import pytest
import torch

from posereg.codecs.grid import Grid
from posereg.losses.sampling import sampled_distance

GRID = Grid(9, 11, 4.0)
WEIGHT = torch.tensor([[1.0, 1.0, 0.0]])


def keypoints(*cells):
    return GRID.pixels(torch.tensor([list(map(list, cells))], dtype=torch.float32))


def test_at_a_low_temperature_it_is_the_exact_expectation():
    maps = torch.randn(1, 2, 9, 11, generator=torch.Generator().manual_seed(0))
    target = keypoints((3.2, 4.0), (7.0, 1.5))
    torch.manual_seed(0)
    found = sampled_distance(maps, target, torch.ones(1, 2), GRID, samples=20000, temperature=0.05)
    # Numerical expectation of |place - target| for cells and the triangle about each.
    soft = maps.flatten(2).softmax(-1).view(2, 9, 11)
    steps = torch.linspace(-1, 1, 2001)
    triangle = (1 - steps.abs()) / (1 - steps.abs()).sum()
    total = 0.0
    for k, (x, y) in enumerate([(3.2, 4.0), (7.0, 1.5)]):
        for mass, place in ((soft[k].sum(0), x), (soft[k].sum(1), y)):
            cells = torch.arange(len(mass))[:, None] + steps
            total += ((cells - place).abs() * triangle).sum(1) @ mass
    assert found.item() == pytest.approx(total.item() / 4, rel=0.02)


def test_two_hills_about_the_joint_cost_more_than_one_on_it():
    """The error of the expected place is 0 for both."""
    target, one, two = keypoints((5.0, 4.0)), torch.full((1, 1, 9, 11), -9.0), torch.full((1, 1, 9, 11), -9.0)
    one[0, 0, 4, 5] = 9.0
    two[0, 0, 4, 1] = two[0, 0, 4, 9] = 9.0
    torch.manual_seed(0)
    near, far = (sampled_distance(maps, target, torch.ones(1, 1), GRID, 500, 0.01) for maps in (one, two))
    assert near.item() == pytest.approx(1 / 3, abs=0.05)  # the triangle's own
    assert far.item() == pytest.approx((4 + 1 / 3) / 2, abs=0.1)


def test_gradient_against_finite_differences():
    maps = torch.randn(1, 3, 9, 11, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    target = keypoints((3.2, 4.0), (7.0, 1.5), (1.0, 1.0)).double()

    def loss(h):
        torch.manual_seed(3)  # the same draws for every difference
        return sampled_distance(h, target, WEIGHT.double(), GRID, samples=4, beta=1.3)

    assert torch.autograd.gradcheck(loss, (maps.requires_grad_(),))


def test_descending_it_finds_the_joint_and_leaves_uncounted_ones_alone():
    torch.manual_seed(0)
    maps = torch.zeros(1, 3, 9, 11, requires_grad=True)
    target = keypoints((3.3, 5.0), (8.0, 2.6), (1.0, 1.0))
    optimizer = torch.optim.Adam([maps], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        sampled_distance(maps, target, WEIGHT, GRID).backward()
        optimizer.step()
    soft = maps.detach().flatten(2).softmax(-1).view(3, 9, 11)
    for k, (x, y) in enumerate([(3.3, 5.0), (8.0, 2.6)]):
        assert (soft[k].sum(0) * torch.arange(11)).sum().item() == pytest.approx(x, abs=0.4)
        assert (soft[k].sum(1) * torch.arange(9)).sum().item() == pytest.approx(y, abs=0.4)
    assert maps[0, 2].abs().max() == 0
