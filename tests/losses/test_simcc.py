"""The divergence of two axes against torch's own, at its optimum, and its gradient."""

import torch
from torch.nn import functional

from posereg.codecs.simcc import simcc_encode
from posereg.losses.simcc import simcc_loss

SIZE = (16, 24)


def labels(weight=(1.0, 1.0, 0.0)):
    keypoints = torch.tensor([[[3.3, 9.1], [12.0, 20.5], [7.0, 7.0]]])
    return simcc_encode(keypoints, SIZE, 2.0, sigma=3.0), torch.tensor([weight])


def logits(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(1, 3, 2 * side, generator=generator, dtype=dtype) for side in SIZE)


def test_it_is_the_sum_over_both_axes_of_torchs_divergence():
    targets, weight = labels()
    expected = sum(
        functional.kl_div(ours.log_softmax(-1), target, reduction="none").sum(-1)[0, :2].mean()
        for ours, target in zip(logits(), targets, strict=True)
    )
    torch.testing.assert_close(simcc_loss(logits(), targets, weight), expected)


def test_it_vanishes_at_the_labels_with_its_gradient():
    targets, weight = labels()
    at = tuple((target.clamp_min(1e-30).log() + 3.0).requires_grad_() for target in targets)
    loss = simcc_loss(at, targets, weight)
    assert loss.item() < 1e-5
    for slope in torch.autograd.grad(loss, at):
        assert slope.abs().max() < 1e-5


def test_a_bin_of_no_probability_costs_nothing():
    targets, weight = labels((1.0, 0.0, 0.0))
    hard = tuple((target == target.amax(-1, keepdim=True)).float() for target in targets)
    assert simcc_loss(logits(), hard, weight).isfinite()


def test_gradient_against_finite_differences():
    targets, weight = labels()
    exact = tuple(target.double() for target in targets)
    given = tuple(axis.requires_grad_() for axis in logits(torch.float64))
    assert torch.autograd.gradcheck(lambda *axes: simcc_loss(axes, exact, weight.double()), given)


def test_joints_without_weight_do_not_count():
    targets, weight = labels()
    loss = simcc_loss(logits(), targets, weight)
    changed = tuple(axis.clone() for axis in logits())
    for axis in changed:
        axis[:, 2] += torch.randn(axis.shape[-1])
    torch.testing.assert_close(simcc_loss(changed, targets, weight), loss)
    assert simcc_loss(logits(), targets, torch.zeros(1, 3)).item() == 0
