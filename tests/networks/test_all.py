"""What every network owes its users: shapes, live gradients, checkpoints, determinism, mixed precision."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from posereg.networks.backbone import backbone
from posereg.networks.cascade import Cascade
from posereg.networks.cascade_residual import ResidualDetector
from posereg.networks.cascade_vgg import VGGDetector, VGGRegressor
from posereg.networks.deconv import HeatmapNet, MultiStageNet, RegressionNet
from posereg.networks.hourglass import HourglassRegressor, StackedHourglass
from posereg.networks.lateral import LateralNet
from posereg.networks.offsets import OffsetNet
from posereg.networks.rle import SpreadNet
from posereg.networks.simcc import SimCCNet
from posereg.networks.softargmax import SoftArgmaxNet
from posereg.networks.upsample import UpsampleNet
from posereg.networks.volume import VolumeNet

K = 4


def _trunk() -> nn.Module:
    return backbone("resnet18", width=0.25)


def _regressor() -> HourglassRegressor:
    return HourglassRegressor(K, channels=16, order=2, units=1)


# name: (builder, input channels, output shapes at 64x64)
Case = tuple[Callable[[], nn.Module], int, list[tuple[int, ...]]]
NETWORKS: dict[str, Case] = {
    "heatmap": (lambda: HeatmapNet(_trunk(), K, deconv_width=16), 3, [(K, 8, 8)]),
    "lateral": (lambda: LateralNet(_trunk(), K, width=16), 3, [(K, 16, 16)]),
    "regression": (lambda: RegressionNet(_trunk(), K), 3, [(K, 2)]),
    "multi-stage": (lambda: MultiStageNet(_trunk(), K, 2, deconv_width=16), 3, [(K, 8, 8)] * 2),
    "residual detector": (lambda: ResidualDetector(_trunk(), K), 3, [(K, 64, 64)]),
    "residual detector, stride 16": (lambda: ResidualDetector(_trunk(), K, det_up=16), 3, [(K, 64, 64)]),
    "hourglass regressor": (_regressor, K + 3, [(K, 64, 64)]),
    "vgg detector": (lambda: VGGDetector(K, fc_channels=32), 3, [(K, 64, 64)]),
    "vgg regressor": (lambda: VGGRegressor(K, channels=(8, 8, 8, 16, 16, 16)), K + 3, [(K, 64, 64)]),
    "detection only": (lambda: Cascade(ResidualDetector(_trunk(), K)), 3, [(K, 64, 64)]),
    "cascade": (lambda: Cascade(ResidualDetector(_trunk(), K), _regressor()), 3, [(K, 64, 64)] * 2),
    "regression+regression": (
        lambda: Cascade(ResidualDetector(_trunk(), K), _regressor(), stack="maps"),
        3,
        [(K, 64, 64)] * 2,
    ),
    "stacked hourglass": (lambda: StackedHourglass(K, stacks=2, channels=16), 3, [(K, 16, 16)] * 2),
    "soft-argmax": (lambda: SoftArgmaxNet(K, context=2, blocks=2, width=48), 3, [(3 * K, 8, 8)] * 2),
    "soft-argmax, no context": (lambda: SoftArgmaxNet(K, context=0, blocks=1, width=48), 3, [(K, 8, 8)]),
    "simcc": (lambda: SimCCNet(_trunk(), K, (64, 64)), 3, [(K, 128)] * 2),
    "offsets": (lambda: OffsetNet(_trunk(), K, deconv_width=16), 3, [(K, 8, 8), (K, 2, 8, 8)]),
    "spread": (lambda: SpreadNet(_trunk(), K, density=False), 3, [(K, 2)] * 2),
    "upsampling": (lambda: UpsampleNet(_trunk(), K), 3, [(K, 8, 8)]),
    "volume": (lambda: VolumeNet(_trunk(), K, depth=8, deconv_width=16), 3, [(K, 8, 16, 16)]),
}


def _outputs(found: object) -> list[Tensor]:
    if isinstance(found, Tensor):
        return [found]
    values = found.values() if isinstance(found, dict) else found
    return [value for value in values if value is not None]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", NETWORKS)
def test_contract(name: str) -> None:
    build, channels, shapes = NETWORKS[name]
    network = build()
    images = torch.randn(2, channels, 64, 64)
    outputs = _outputs(network(images))
    assert [tuple(o.shape) for o in outputs] == [(2, *shape) for shape in shapes]

    # Every parameter gets a finite gradient, and within three steps every one of them has moved: layers that
    # start at zero must not hold the others back for longer.
    before = {key: p.detach().clone() for key, p in network.named_parameters()}
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    target = [torch.randn_like(o) for o in outputs]
    for step in range(3):
        optimizer.zero_grad()
        outputs = _outputs(network(images))
        sum((o - t).square().mean() for o, t in zip(outputs, target, strict=True)).backward()
        dead = [k for k, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
        assert not dead, f"step {step}"
        optimizer.step()
    assert [k for k, p in network.named_parameters() if torch.equal(p, before[k])] == []

    # A copy from the state dict answers the same; two evaluations agree to the bit.
    network.eval()
    copy = build()
    copy.load_state_dict(network.state_dict())
    copy.eval()
    with torch.inference_mode():
        first, second, third = (_outputs(n(images)) for n in (network, network, copy))
        assert all(
            torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(first, second, third, strict=True)
        )
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert all(o.isfinite().all() for o in _outputs(network(images)))


def test_printed_hourglass_initialisation_cannot_learn() -> None:
    network = HourglassRegressor(K, channels=16, order=2, units=1, init="printed")
    network(torch.randn(2, K + 3, 64, 64)).sum().backward()
    alive = [k for k, p in network.named_parameters() if p.grad is not None and p.grad.abs().max() > 0]
    # The scoring layer's bias passes the bilinear deconvolution; nothing that sees the image moves.
    assert alive == ["head.3.bias", "up.bias"]
