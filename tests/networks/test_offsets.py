"""Three maps a joint."""

import torch

from posereg.networks.backbone import backbone
from posereg.networks.offsets import OffsetNet


def test_discs_and_offsets_of_every_joint():
    net = OffsetNet(backbone("resnet18", width=0.125), joints=5, deconv_layers=2, deconv_width=8)
    discs, offsets = net(torch.randn(2, 3, 64, 96))
    assert discs.shape == (2, 5, 8, 12)
    assert offsets.shape == (2, 5, 2, 8, 12)


def test_a_joint_has_maps_of_its_own():
    net = OffsetNet(backbone("resnet18", width=0.125), joints=3, deconv_layers=0).eval()
    images = torch.randn(1, 3, 64, 64)
    before = net(images)
    with torch.no_grad():
        net.head[-1].bias[4] += 1  # joint 1's x
    discs, offsets = net(images)
    assert torch.equal(discs, before[0])
    changed = (offsets != before[1]).any(-1).any(-1)[0]
    assert changed.tolist() == [[False, False], [True, False], [False, False]]
