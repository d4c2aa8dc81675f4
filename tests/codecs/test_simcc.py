"""Labels of columns and rows, and back."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.codecs.simcc import bins, simcc_decode, simcc_encode

SIZE = (48, 64)


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(0, SIZE[0] - 1),
    y=st.floats(0, SIZE[1] - 1),
    split=st.sampled_from([1.0, 2.0, 3.0]),
    labels=st.sampled_from(["gaussian", "one_hot"]),
    convention=st.sampled_from(["center", "corner"]),
)
def test_a_keypoint_comes_back_to_within_half_a_bin(x, y, split, labels, convention):
    keypoints = torch.tensor([[[x, y]]])
    encoded = simcc_encode(keypoints, SIZE, split, labels, convention=convention)
    found, score = simcc_decode(tuple(axis.log() for axis in encoded), split, convention)
    # Of corner cells the last stands for a bin's width less than the last pixel.
    assert (found - keypoints).abs().max() <= (0.5 if convention == "center" else 1) / split + 1e-3
    assert score.item() == pytest.approx(min(axis.amax().item() for axis in encoded), rel=1e-4)


def test_gaussian_labels_are_the_normal_density_at_the_bins_in_sum_1():
    columns, rows = simcc_encode(torch.tensor([[[20.3, 31.8]]]), SIZE, split=2.0, sigma=6.0)
    assert (columns.shape, rows.shape) == ((1, 1, 96), (1, 1, 128))
    centers = (
        np.arange(96) / 2 - 0.25
    )  # the first bin's left edge is the image's, half a pixel before pixel 0
    density = np.exp(-0.5 * ((centers - 20.3) / 3.0) ** 2)
    np.testing.assert_allclose(columns[0, 0], density / density.sum(), atol=1e-6)
    assert rows.sum().item() == pytest.approx(1)


def test_one_hot_labels_share_the_smoothing_among_all_bins():
    columns, _ = simcc_encode(torch.tensor([[[20.3, 31.8]]]), SIZE, 2.0, "one_hot", smoothing=0.1)
    assert columns.argmax().item() == 41  # 20.25, the bin from 20.0 to 20.5
    assert columns.amax().item() == pytest.approx(0.9 + 0.1 / 96)
    assert columns.amin().item() == pytest.approx(0.1 / 96)
    assert columns.sum().item() == pytest.approx(1)


def test_a_keypoint_far_outside_has_labels_too():
    for labels in ("gaussian", "one_hot"):
        for axis in simcc_encode(torch.tensor([[[-900.0, 5000.0]]]), SIZE, labels=labels):
            assert axis.isfinite().all()
            assert axis.sum().item() == pytest.approx(1)


def test_a_mirrored_keypoint_has_mirrored_labels():
    keypoints = torch.tensor([[[20.3, 31.8]]])
    mirrored = torch.tensor([[[SIZE[0] - 1 - 20.3, 31.8]]])
    for labels in ("gaussian", "one_hot"):
        columns, _ = simcc_encode(keypoints, SIZE, labels=labels)
        flipped, _ = simcc_encode(mirrored, SIZE, labels=labels)
        torch.testing.assert_close(flipped.flip(-1), columns)


def test_bins_of_a_split_that_cuts_no_pixel_whole():
    assert bins((48, 64), 1.5) == (72, 96)
    assert bins((10, 10), 0.25) == (2, 2)
