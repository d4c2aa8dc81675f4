"""The maps that bottom-up network, targets, losses and grouping agree on."""

from typing import get_args

import pytest
import torch

from crowds import crowd
from posereg.codecs.art import encode
from posereg.codecs.art_maps import Compat, Maps
from posereg.networks.art import ARTNet
from posereg.networks.hrnet import HRNetTrunk


@pytest.mark.parametrize("high_resolution", [False, True])
def test_network_and_targets_have_the_documented_shapes(high_resolution):
    """What the network gives lies cell by cell on what the codec draws, for an input of 128 x 128."""
    torch.manual_seed(0)
    network = ARTNet(HRNetTrunk("hrnet_w18_small"), keypoints=4, high_resolution=high_resolution).eval()
    with torch.inference_mode():
        maps = network(torch.randn(2, 3, 128, 128))
    assert isinstance(maps, Maps)
    targets = encode(crowd(b=2, k=4, side=128), (32, 32), fine=high_resolution)
    assert maps.heatmaps.shape == targets.heatmaps.shape == (2, 4, 32, 32)
    assert maps.centers.shape == targets.centers.shape == (2, 1, 32, 32)
    assert maps.offsets.shape == (2, 4, 2, 32, 32)
    assert maps.branches.shape[2:] == maps.heatmaps.shape[1:]
    torch.testing.assert_close(maps.branches.mean(1), maps.heatmaps)
    if high_resolution:
        assert maps.fine.shape == targets.fine.shape == (2, 4, 64, 64)
    else:
        assert maps.fine is None
        assert targets.fine is None


def test_both_readings_of_the_paper_are_encoded_differently():
    batch = crowd()
    paper, released = (encode(batch, (32, 32), compat=compat) for compat in get_args(Compat))
    assert len(paper.cells) != len(released.cells)
