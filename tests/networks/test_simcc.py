"""The head of two linear layers."""

import pytest
import torch

from posereg.networks.backbone import backbone
from posereg.networks.simcc import SimCCNet


@pytest.mark.parametrize("layers", [0, 2])
@pytest.mark.parametrize("size", [(64, 96), (50, 70)])
def test_logits_of_columns_and_rows(layers, size):
    net = SimCCNet(
        backbone("resnet18", width=0.125), 5, size, split=1.5, deconv_layers=layers, deconv_width=8
    )
    columns, rows = net(torch.randn(2, 3, size[1], size[0]))
    assert columns.shape == (2, 5, 1.5 * size[0])
    assert rows.shape == (2, 5, 1.5 * size[1])


def test_every_joint_is_read_by_the_same_layers_from_its_own_map():
    net = SimCCNet(backbone("resnet18", width=0.125), 3, (64, 64)).eval()
    with torch.no_grad():
        net.head[-1].weight[1] = net.head[-1].weight[0]
        net.head[-1].bias[1] = net.head[-1].bias[0]
        columns, rows = net(torch.randn(1, 3, 64, 64))
    for axis in (columns, rows):
        torch.testing.assert_close(axis[:, 1], axis[:, 0])
        assert not torch.allclose(axis[:, 2], axis[:, 0], atol=1e-6)
