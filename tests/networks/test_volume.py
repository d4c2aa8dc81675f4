"""The volume network: which channel is which bin, and shapes by depth and deconvolutions."""

import pytest
import torch

from posereg.networks.backbone import backbone
from posereg.networks.volume import VolumeNet


def trunk():
    torch.manual_seed(0)
    return backbone("resnet18", width=0.125)


@pytest.mark.parametrize(("layers", "cells"), [(2, (8, 12)), (3, (16, 24))])
@pytest.mark.parametrize("depth", [2, 5])
def test_shapes(layers, cells, depth):
    """A stride of 32 / 2^layers on an input of 96 x 64."""
    network = VolumeNet(trunk(), joints=3, depth=depth, deconv_layers=layers, deconv_width=8).eval()
    with torch.inference_mode():
        assert network(torch.randn(2, 3, 64, 96)).shape == (2, 3, depth, *cells)


def test_channel_k_times_depth_plus_d_is_bin_d_of_joint_k():
    network = VolumeNet(trunk(), joints=3, depth=4, deconv_layers=1, deconv_width=8).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        flat = network.head(network.backbone(images)[-1])
        volume = network(images)
    for joint in range(3):
        for depth in range(4):
            assert torch.equal(volume[0, joint, depth], flat[0, 4 * joint + depth])
