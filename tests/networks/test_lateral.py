"""The light head: sizes of its maps, what it costs beside deconvolutions alone, and its finer features are used."""

import pytest
import torch

from posereg.errors import UserError
from posereg.networks.backbone import backbone
from posereg.networks.complexity import complexity
from posereg.networks.deconv import HeatmapNet
from posereg.networks.lateral import LateralNet


@pytest.mark.parametrize(("doublings", "cells"), [(1, (4, 6)), (2, (8, 12)), (3, (16, 24)), (4, (32, 48))])
def test_each_doubling_doubles_the_map(doublings, cells):
    network = LateralNet(backbone("resnet18", width=0.25), 5, doublings, width=8).eval()
    assert network(torch.zeros(2, 3, 64, 96))[0].shape == (2, 5, *cells)


def test_its_head_costs_a_third_of_the_papers():
    trunk = complexity(HeatmapNet(backbone("resnet18"), 16, 0), (3, 128, 128)).macs
    light = complexity(LateralNet(backbone("resnet18"), 16), (3, 128, 128)).macs - trunk
    full = complexity(HeatmapNet(backbone("resnet18"), 16, 3), (3, 128, 128)).macs - trunk
    assert 0.28 < light / full < 0.35


def test_every_feature_map_reaches_the_heat_maps():
    network = LateralNet(backbone("resnet18", width=0.25), 5, 3, width=8).train()
    network(torch.randn(2, 3, 64, 64))[0].square().sum().backward()
    for layer in (*network.lateral, *network.up):
        assert layer[0].weight.grad.abs().max() > 0


def test_a_trunk_with_too_few_feature_maps_is_named():
    with pytest.raises(UserError, match="doublings=3: the trunk has 1 finer"):
        LateralNet(backbone("resnet18", width=0.25, out_indices=(3, 4)), 5, 3)
