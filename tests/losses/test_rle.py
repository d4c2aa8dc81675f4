"""The likelihood loss against torch's distributions, its optimum, its gradient and what does not count."""

import math

import pytest
import torch
from torch.distributions import Laplace, Normal

from posereg.losses.rle import likelihood_loss
from posereg.networks.flow import PlaneFlow

WEIGHT = torch.tensor([[1.0, 1.0, 0.0]])


def case(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    coordinates, target = (0.3 * torch.randn(1, 3, 2, generator=generator, dtype=dtype) for _ in range(2))
    return coordinates, 0.05 + 0.4 * torch.rand(1, 3, 2, generator=generator, dtype=dtype), target


@pytest.mark.parametrize(("shape", "density"), [("laplace", Laplace), ("gaussian", Normal)])
def test_without_a_flow_it_is_the_negative_log_likelihood(shape, density):
    coordinates, spread, target = case()
    expected = -density(coordinates, spread).log_prob(target).sum(-1)[0, :2].mean()
    torch.testing.assert_close(likelihood_loss(coordinates, spread, target, WEIGHT, shape), expected)


def test_the_flow_is_a_factor_of_the_density_of_the_error_in_sigmas():
    coordinates, spread, target = case()
    flow = PlaneFlow()
    alone = likelihood_loss(coordinates, spread, target, WEIGHT)
    both = likelihood_loss(coordinates, spread, target, WEIGHT, log_density=flow.log_density)
    error = ((coordinates - target) / spread)[0, :2]
    torch.testing.assert_close(both, alone - flow.log_density(error).mean())


@pytest.mark.parametrize("shape", ["laplace", "gaussian"])
def test_the_best_spread_is_the_mean_error(shape):
    """Of a Laplace density the mean absolute error, of a normal one its root mean square."""
    errors = torch.tensor([0.1, 0.2, 0.6]).view(1, 3, 1).expand(1, 3, 2)
    best = errors.abs().mean() if shape == "laplace" else errors.square().mean().sqrt()

    def loss(sigma):
        zero = torch.zeros(1, 3, 2)
        return likelihood_loss(zero, torch.full((1, 3, 2), sigma), errors, torch.ones(1, 3), shape).item()

    assert loss(best.item()) < min(loss(0.9 * best.item()), loss(1.1 * best.item()))


@pytest.mark.parametrize("shape", ["laplace", "gaussian"])
def test_gradient_against_finite_differences(shape):
    coordinates, spread, target = case(torch.float64)
    flow = PlaneFlow(layers=2, width=4).double()
    assert torch.autograd.gradcheck(
        lambda at, sigma: likelihood_loss(at, sigma, target, WEIGHT.double(), shape, flow.log_density),
        (coordinates.requires_grad_(), spread.requires_grad_()),
    )


def test_a_joint_that_does_not_count_may_lie_anywhere():
    coordinates, spread, target = case()
    flow = PlaneFlow()
    loss = likelihood_loss(coordinates, spread, target, WEIGHT, log_density=flow.log_density)
    target[0, 2] = 1e30
    coordinates.requires_grad_()
    moved = likelihood_loss(coordinates, spread, target, WEIGHT, log_density=flow.log_density)
    torch.testing.assert_close(moved, loss)
    moved.backward()
    assert coordinates.grad.isfinite().all()
    assert coordinates.grad[0, 2].abs().max() == 0
    assert math.isfinite(moved.item())
