"""Normalised coordinates: the input's edges, and there and back."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.codecs.coordinates import denormalise, normalise

conventions = st.sampled_from(["center", "corner"])


def points(*pairs):
    return torch.tensor([list(map(list, pairs))], dtype=torch.float32)


@settings(deadline=None)
@given(st.floats(-50, 300), st.floats(-50, 300), conventions)
def test_coordinates_round_trip(x, y, convention):
    keypoints = points((x, y))
    back = denormalise(normalise(keypoints, (256, 192), convention), (256, 192), convention)
    torch.testing.assert_close(back, keypoints, atol=1e-3, rtol=0)


@pytest.mark.parametrize(("convention", "first", "last"), [("center", -0.5, 255.5), ("corner", 0.0, 256.0)])
def test_the_edges_of_the_input_are_at_half(convention, first, last):
    """Pixel centres: the image begins half a pixel before pixel 0. Corners: x / W - 0.5, as published."""
    ends = torch.tensor([[first, first], [last, (first + last) / 2]])
    got = normalise(ends, (256, 256), convention)
    torch.testing.assert_close(got, torch.tensor([[-0.5, -0.5], [0.5, 0.0]]))


@pytest.mark.parametrize("x", [0.0, 17.25, 191.0])
def test_a_mirrored_point_has_the_opposite_coordinate(x):
    """Pixel x of an image of width W becomes W - 1 - x, so its label changes its sign."""
    here, there = (normalise(torch.tensor([[u, 3.0]]), (192, 256)) for u in (x, 191 - x))
    assert here[0, 0].item() == pytest.approx(-there[0, 0].item(), abs=1e-6)


def test_width_and_height_have_their_own_scale():
    got = denormalise(torch.tensor([0.25, 0.25]), (200, 100), "corner")
    assert got.tolist() == [150, 75]
