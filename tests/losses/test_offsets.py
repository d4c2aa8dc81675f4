"""Losses of discs and offsets: their zero, what counts, their gradient."""

import pytest
import torch

from posereg.codecs.grid import Grid
from posereg.codecs.offsets import offsets_encode
from posereg.losses.offsets import offsets_loss

GRID, RADIUS = Grid(10, 8, 4.0), 7.0
KEYPOINTS = torch.tensor([[[14.3, 21.0], [20.0, 30.7], [5.0, 5.0]]])
WEIGHT = torch.tensor([[1.0, 1.0, 0.0]])


def truth(dtype=torch.float32):
    discs, offsets = offsets_encode(KEYPOINTS, GRID, RADIUS)
    return discs.to(dtype), offsets.to(dtype)


def test_both_are_zero_at_the_labels_and_mean_squares_over_the_maps_elsewhere():
    """As MMPose's CombinedTargetMSELoss weighs them: the label's disc times the offsets, over all cells."""
    discs, offsets = truth()
    assert [loss.item() for loss in offsets_loss(discs, offsets, KEYPOINTS, WEIGHT, GRID, RADIUS)] == [0, 0]
    off = torch.tensor([0.3, 0.1]).view(2, 1, 1)
    moved = offsets_loss(discs + 0.5, offsets + off, KEYPOINTS, WEIGHT, GRID, RADIUS)
    counted = discs[0, :2]
    of_axes = [((counted * error) ** 2).mean().item() for error in (0.3, 0.1)]
    assert [loss.item() for loss in moved] == pytest.approx([0.25, sum(of_axes)])
    assert 0 < counted.mean() < 0.2


def test_offsets_outside_the_disc_and_uncounted_joints_are_free():
    discs, offsets = truth()
    inside = discs.bool()[:, :, None]
    changed = torch.where(inside, offsets, offsets + 9)
    changed[0, 2] += 9
    discs[0, 2] += 9
    assert [loss.item() for loss in offsets_loss(discs, changed, KEYPOINTS, WEIGHT, GRID, RADIUS)] == [0, 0]


def test_a_joint_whose_disc_holds_no_cell_has_no_offsets_to_learn():
    far = torch.tensor([[[-900.0, 5.0]]])
    discs, offsets = torch.zeros(1, 1, 10, 8), torch.ones(1, 1, 2, 10, 8)
    of_discs, of_offsets = offsets_loss(discs, offsets, far, torch.ones(1, 1), GRID, RADIUS)
    assert (of_discs.item(), of_offsets.item()) == (0, 0)


def test_gradient_against_finite_differences():
    generator = torch.Generator().manual_seed(0)
    given = (
        torch.randn(1, 3, 10, 8, generator=generator, dtype=torch.float64, requires_grad=True),
        torch.randn(1, 3, 2, 10, 8, generator=generator, dtype=torch.float64, requires_grad=True),
    )
    assert torch.autograd.gradcheck(
        lambda discs, offsets: offsets_loss(discs, offsets, KEYPOINTS, WEIGHT.double(), GRID, RADIUS), given
    )
