"""Maps by plain upsampling."""

import torch
from torch import nn

from posereg.networks.backbone import backbone
from posereg.networks.upsample import UpsampleNet


def test_maps_are_factor_times_the_features():
    net = UpsampleNet(backbone("resnet18", width=0.125), joints=5, factor=4)
    assert [maps.shape for maps in net(torch.randn(2, 3, 64, 96))] == [(2, 5, 8, 12)]


def test_it_is_relu_then_bilinear_then_a_convolution():
    class Features(nn.Module):
        feature_info = backbone("resnet18", width=0.0625).feature_info

        def forward(self, images):
            return [images]

    count = Features.feature_info.channels()[-1]
    net = UpsampleNet(Features(), joints=3, factor=2)
    images = torch.randn(1, count, 6, 5)
    upsampled = nn.functional.interpolate(
        images.clamp_min(0), size=(12, 10), mode="bilinear", align_corners=False
    )
    expected = nn.functional.conv2d(upsampled, net.head.weight, net.head.bias, padding=1)
    torch.testing.assert_close(net(images)[0], expected)
