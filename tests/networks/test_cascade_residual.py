"""Residual part detector: strides, shapes, what it refuses, and why its printed start cannot train."""

import pytest
import torch
from torch import nn

from posereg.errors import UserError
from posereg.networks.backbone import backbone
from posereg.networks.cascade_residual import ResidualDetector


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet18d"])
def test_detector_has_stride_16_without_dilation(name: str) -> None:
    trunk = backbone(name)
    shapes = {key: value.shape for key, value in trunk.state_dict().items()}
    detector = ResidualDetector(trunk, joints=4)
    assert {key: value.shape for key, value in detector.backbone.state_dict().items()} == shapes
    with torch.inference_mode():
        assert detector.backbone(torch.randn(1, 3, 128, 128))[-1].shape[-2:] == (8, 8)
        assert detector.eval()(torch.randn(1, 3, 128, 96)).shape == (1, 4, 128, 96)
    assert {m.dilation for m in trunk.modules() if isinstance(m, nn.Conv2d)} == {(1, 1)}


@pytest.mark.parametrize(("stride", "cells"), [(8, 16), (16, 8), (32, 4)])
def test_detector_stride(stride: int, cells: int) -> None:
    detector = ResidualDetector(backbone("resnet18", width=0.25), 4, det_up=4, stride=stride).eval()
    with torch.inference_mode():
        assert detector.backbone(torch.randn(1, 3, 128, 128))[-1].shape[-1] == cells
        assert detector(torch.randn(1, 3, 128, 128)).shape == (1, 4, 128, 128)


def test_detector_needs_a_resnet() -> None:
    with pytest.raises(UserError, match="ResNet"):
        ResidualDetector(nn.Conv2d(3, 4, 1))
    with pytest.raises(UserError, match="det_up"):
        ResidualDetector(backbone("resnet18"), det_up=3)
    with pytest.raises(UserError, match="stride"):
        ResidualDetector(backbone("resnet18"), stride=4)


K = 4


def _trunk() -> nn.Module:
    return backbone("resnet18", width=0.25)


@pytest.mark.parametrize("det_up", [4, 16])
def test_printed_detector_initialisation_cannot_learn(det_up: int) -> None:
    """The reason for the other default: only the last bias ever gets a gradient."""
    network = ResidualDetector(_trunk(), K, det_up=det_up, init="printed")
    network(torch.randn(2, 3, 64, 64)).sum().backward()
    alive = [k for k, p in network.named_parameters() if p.grad is not None and p.grad.abs().max() > 0]
    assert alive == ["up.bias"]
