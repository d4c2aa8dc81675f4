"""The flow is a density, and learns one."""

import math

import pytest
import torch

from posereg.networks.flow import PlaneFlow


def bent():
    """A flow far from the normal density."""
    torch.manual_seed(0)
    flow = PlaneFlow(layers=4, width=8)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.normal_(0, 0.4)
    return flow


def test_at_first_it_is_nearly_the_normal_density():
    points = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    expected = -points.square().sum(-1) / 2 - math.log(2 * math.pi)
    assert (PlaneFlow().log_density(points) - expected).abs().max() < 0.05


def test_its_mass_is_1_however_it_is_bent():
    steps = torch.linspace(-15, 15, 601)
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)
    with torch.no_grad():
        density = bent().log_density(grid).exp()
    assert density.sum().item() * 0.05**2 == pytest.approx(1, abs=2e-3)
    assert not torch.allclose(density, torch.exp(-grid.square().sum(-1) / 2) / (2 * math.pi), atol=1e-2)


def test_its_gradient_against_finite_differences():
    flow = bent().double()
    points = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(flow.log_density, (points,))


def test_trained_on_points_it_gives_them_more_than_the_normal_density():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(400, 2, generator=generator)
    points[:, 1] = 0.2 * points[:, 1] + points[:, 0].abs() - 1  # a bent ridge
    torch.manual_seed(0)
    flow = PlaneFlow(width=16)
    before = flow.log_density(points).mean().item()
    optimizer = torch.optim.Adam(flow.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        (-flow.log_density(points).mean()).backward()
        optimizer.step()
    assert flow.log_density(points).mean().item() > before + 0.5
