"""Discs and offsets of a keypoint, and back."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.codecs.grid import Grid
from posereg.codecs.offsets import offsets_decode, offsets_encode


@settings(max_examples=50, deadline=None)
@given(
    x=st.floats(8, 180),
    y=st.floats(8, 240),
    stride=st.sampled_from([4, 8]),
    convention=st.sampled_from(["center", "corner"]),
)
def test_a_keypoint_comes_back(x, y, stride, convention):
    """Exactly: whichever cell of the disc is taken, its offset leads to the joint."""
    grid = Grid(256 // stride, 192 // stride, stride, convention)
    keypoints = torch.tensor([[[x, y]]])
    discs, offsets = offsets_encode(keypoints, grid, radius=14.0)
    found, score = offsets_decode(discs.float(), offsets, grid, 14.0)
    # On the map's border the smoothing takes in the zeros outside, and offsets shrink with it.
    inner = 8 * stride <= x <= 191 - 8 * stride and 8 * stride <= y <= 255 - 8 * stride
    assert (found - keypoints).abs().max() < (1e-2 if inner else stride)
    assert 0.1 < score.item() <= 1.0001


def test_offsets_point_from_each_cell_to_the_joint_in_radii():
    grid = Grid(16, 12, 4.0)
    discs, offsets = offsets_encode(torch.tensor([[[20.0, 30.0]]]), grid, radius=10.0)
    assert offsets[0, 0, :, 5, 7].tolist() == pytest.approx([(20 - 29.5) / 10, (30 - 21.5) / 10])
    length = offsets.norm(dim=2)
    assert torch.equal(length <= 1, discs)
    assert 15 < discs.sum() < 25  # pi 10^2 / 4^2


def test_the_surest_neighbourhood_wins_over_a_lonely_cell():
    grid = Grid(16, 12, 4.0)
    keypoints = torch.tensor([[[20.0, 30.0]]])
    discs, offsets = offsets_encode(keypoints, grid, radius=10.0)
    noisy = discs.float()
    noisy[0, 0, 1, 10] = 1.5
    found, _ = offsets_decode(noisy, offsets, grid, 10.0)
    assert (found - keypoints).abs().max() < 0.1
