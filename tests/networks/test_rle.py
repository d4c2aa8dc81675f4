"""Coordinates and spread from pooled features."""

import torch

from posereg.networks.backbone import backbone
from posereg.networks.rle import SpreadNet


def test_coordinates_and_spread_of_every_joint():
    net = SpreadNet(backbone("resnet18", width=0.125), joints=5)
    coordinates, spread = net(torch.randn(2, 3, 64, 96))
    assert coordinates.shape == spread.shape == (2, 5, 2)
    assert (spread > 0).all()
    assert (spread < 1).all()
    assert net.flow is not None
    assert SpreadNet(backbone("resnet18", width=0.125), joints=5, density=False).flow is None


def test_coordinates_do_not_hang_on_the_features_size():
    class Features(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.feature_info = backbone("resnet18", width=0.125).feature_info

        def forward(self, images):
            return [images.repeat(1, 64, 1, 1)[:, : self.feature_info.channels()[-1]]]

    net = SpreadNet(Features(), joints=4)
    images = torch.rand(1, 3, 8, 8)
    near, far = net(images), net(10 * images)
    torch.testing.assert_close(near[0], far[0])
    assert not torch.allclose(near[1], far[1])
