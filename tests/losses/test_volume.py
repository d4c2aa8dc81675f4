"""The 3D loss by hand, its gradient, and what does not count."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.losses.volume import label_weights, volume_loss


def test_by_hand():
    predicted = torch.tensor([[[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]], [[0.5, -0.5, 0.0], [0.0, 0.0, 0.25]]])
    target = torch.zeros(2, 2, 3)
    weight = torch.ones(2, 2, 3)
    weight[0, 0, 2] = 0  # a depth that is not known
    losses = volume_loss(predicted, target, weight)
    assert losses["xy"].item() == pytest.approx((0.1 + 0.2 + 0.5 + 0.5) / 2)
    assert losses["z"].item() == pytest.approx(0.25 / 2)
    assert losses["loss"].item() == pytest.approx((1.3 + 0.25) / 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 999))
def test_gradient_is_the_sign_of_the_error_over_the_batch(samples, joints, seed):
    g = torch.Generator().manual_seed(seed)
    predicted = torch.randn(samples, joints, 3, generator=g).requires_grad_()
    target = torch.randn(samples, joints, 3, generator=g)
    weight = (torch.rand(samples, joints, 3, generator=g) > 0.4).float()
    volume_loss(predicted, target, weight)["loss"].backward()
    torch.testing.assert_close(predicted.grad, (predicted.detach() - target).sign() * weight / samples)


def test_sums_over_joints_but_means_over_samples():
    """Twice the joints cost twice as much, twice the samples the same."""
    predicted, target, weight = torch.rand(2, 3, 3), torch.rand(2, 3, 3), torch.ones(2, 3, 3)

    def loss(*repeats):
        return volume_loss(*(t.repeat(*repeats) for t in (predicted, target, weight)))["loss"]

    torch.testing.assert_close(loss(1, 2, 1), 2 * loss(1, 1, 1))
    torch.testing.assert_close(loss(2, 1, 1), loss(1, 1, 1))


def test_what_is_known():
    visibility = torch.tensor([[2, 1, 0, 2]])
    depth = torch.tensor([[0.1, float("nan"), 0.2, float("inf")]])
    known = label_weights(visibility, depth)
    assert known.tolist() == [[[True] * 3, [True, True, False], [False] * 3, [True, True, False]]]


def test_nothing_known_costs_nothing():
    losses = volume_loss(torch.rand(2, 3, 3), torch.rand(2, 3, 3), torch.zeros(2, 3, 3))
    assert [value.item() for value in losses.values()] == [0, 0, 0]
