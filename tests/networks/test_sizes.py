"""Parameters and MACs of the published networks, against the counts of the papers and their released code."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from posereg.networks.backbone import backbone
from posereg.networks.cascade_residual import ResidualDetector
from posereg.networks.cascade_vgg import VGGDetector, VGGRegressor
from posereg.networks.complexity import complexity
from posereg.networks.hourglass import Bottleneck, HourglassRegressor, StackedHourglass
from posereg.networks.softargmax import SoftArgmaxNet
from posereg.networks.volume import VolumeNet

# name: (builder, input, parameters in M, GMAC), as printed
PUBLISHED: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int], str, str]] = {
    "vgg detector": (VGGDetector, (3, 380, 380), "134.34", "61.77"),
    "vgg detector, A5 as printed": (lambda: VGGDetector(a5_kernel=1), (3, 380, 380), "128.05", "58.14"),
    "vgg regressor": (VGGRegressor, (19, 380, 380), "9.97", "122.0"),
    "residual detector": (lambda: ResidualDetector(backbone("resnet152")), (3, 256, 256), "58.18", "17.81"),
    "residual detector, 38 blocks": (
        lambda: ResidualDetector(backbone("resnet152", layers=(3, 8, 38, 3))),
        (3, 256, 256),
        "60.42",
        "18.38",
    ),
    "hourglass regressor": (HourglassRegressor, (19, 256, 256), "7.68", "8.86"),
    "soft-argmax": (SoftArgmaxNet, (3, 256, 256), "14.670", "9.83"),
    "volume, ResNet-50": (lambda: VolumeNet(backbone("resnet50")), (3, 256, 256), "34.291", "8.425"),
    "volume, ResNet-152": (lambda: VolumeNet(backbone("resnet152")), (3, 256, 256), "68.927", "18.123"),
    "volume, ResNet-152, 288x384": (
        lambda: VolumeNet(backbone("resnet152"), depth=72),
        (3, 384, 288),
        "68.964",
        "30.837",
    ),
}


def _agrees(value: float, printed: str) -> bool:
    """To the last printed digit, with a little room for rounding in sums of rounded numbers."""
    decimals = len(printed.partition(".")[2])
    return abs(value - float(printed)) <= 0.55 * 10**-decimals


@pytest.mark.parametrize("name", PUBLISHED)
def test_published(name: str) -> None:
    build, shape, params, macs = PUBLISHED[name]
    with torch.device("meta"):
        network = build()
    cost = complexity(network, shape)
    assert _agrees(cost.params / 1e6, params)
    assert _agrees(cost.macs / 1e9, macs)


def test_soft_argmax_without_context() -> None:
    with torch.device("meta"):
        network = SoftArgmaxNet(context=0)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(14.393, abs=0.0005)


def test_stacked_hourglass_against_the_public_count() -> None:
    """A public PyTorch port prints 25.59 M; its stem has bottlenecks 128-256-256 in place of 128-128-256."""

    def size(module: nn.Module) -> int:
        return sum(p.numel() for p in module.parameters())

    with torch.device("meta"):
        ours = size(StackedHourglass())
        ported = ours - size(Bottleneck(128, 128)) + size(Bottleneck(256, 256))
    assert ported / 1e6 == pytest.approx(25.59, abs=0.005)
