"""Counts against the published sizes of the integral paper and against sums done by hand."""

import pytest
import timm
import torch
import torchvision
from torch import nn

from posereg.networks.complexity import complexity, throughput


class _Pose(nn.Module):
    """timm ResNet, deconvolutions, 1x1: built here, so that the counter is tested alone."""

    def __init__(self, name: str, deconvs: int, maps: int = 16) -> None:
        super().__init__()
        self.trunk = timm.create_model(name, features_only=True, out_indices=(4,))
        channels = self.trunk.feature_info.channels()[-1]
        layers: list[nn.Module] = []
        for _ in range(deconvs):
            layers += [nn.ConvTranspose2d(channels, 256, 4, 2, 1, bias=False), nn.BatchNorm2d(256), nn.ReLU()]
            channels = 256
        self.head = nn.Sequential(*layers, nn.Conv2d(channels, maps, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.trunk(images)[-1])


@pytest.mark.parametrize(
    ("name", "deconvs", "maps", "size", "macs", "params"),
    [
        ("resnet18", 2, 16, 256, 2.776e9, 14.327e6),
        ("resnet50", 2, 16, 128, 1.537e9, 32.950e6),
        ("resnet50", 3, 16, 128, 1.809e9, 33.999e6),
        ("resnet50", 2, 16, 256, 6.148e9, 32.950e6),
        ("resnet50", 3, 16, 256, 7.234e9, 33.999e6),
        ("resnet101", 2, 16, 256, 10.996e9, 51.942e6),
        ("resnet101", 3, 17, 256, 12.084e9, 52.992e6),
    ],
)
def test_published_sizes(name: str, deconvs: int, maps: int, size: int, macs: float, params: float) -> None:
    with torch.device("meta"):
        model = _Pose(name, deconvs, maps)
    cost = complexity(model, (3, size, size))
    assert cost.macs == pytest.approx(macs, rel=5e-4)
    assert cost.params == pytest.approx(params, abs=600)


def test_deconvolution_counted_at_output() -> None:
    with torch.device("meta"):
        model = _Pose("resnet50", 2)
    assert complexity(model, (3, 256, 256), deconv_at="output").macs == pytest.approx(8.56e9, rel=1e-3)


def test_by_hand() -> None:
    model = nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5)
    )
    cost = complexity(model, (4, 6, 6))
    assert cost.params == 8 * 2 * 9 + 8 + 8 * 36 * 5 + 5
    assert cost.macs == 36 * 8 * 2 * 9 + 8 * 36 * 5
    # Kept: the image for the convolution, the ReLU's output for itself and the linear layer.
    assert cost.activation_bytes == 4 * (4 * 36 + 8 * 36)


def test_shared_parameters_count_once() -> None:
    layer = nn.Conv2d(3, 3, 1, bias=False)
    cost = complexity(nn.Sequential(layer, layer), (3, 4, 4))
    assert (cost.params, cost.macs) == (9, 2 * 9 * 16)


def test_deformable_convolution_costs_its_taps() -> None:
    class Deformable(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.rand(8, 3, 3, 3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            offset = x.new_zeros(len(x), 18, *x.shape[2:])
            return torchvision.ops.deform_conv2d(x, offset, self.weight, padding=1)

    assert complexity(Deformable(), (3, 10, 12)).macs == 8 * 3 * 9 * 120


def test_model_is_left_alone() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    complexity(model, (3, 8, 8))
    assert [module.training for module in model] == [True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_input_shape_is_of_one_image() -> None:
    with pytest.raises(ValueError, match="C, H, W"):
        complexity(nn.Identity(), (1, 3, 8, 8))


def test_throughput_counts_images() -> None:
    class Slow(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            import time

            time.sleep(0.01)
            return x

    # Sleeping never ends early, so the rate has an upper bound; the lower one leaves room for a busy machine.
    assert 40 < throughput(Slow(), (3, 2, 2), batch=4, rounds=3) <= 400


def test_mixed_precision_keeps_half_and_counts_its_copies_of_weights_once():
    # Two convolutions: each keeps its input, the image and the maps between them; the weights' copies are no image's.
    net = nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Conv2d(64, 8, 3, padding=1, bias=False)
    )
    cells = (3 + 64) * 32 * 32
    assert complexity(net, (3, 32, 32)).activation_bytes == 4 * cells
    assert complexity(net, (3, 32, 32), autocast=torch.bfloat16).activation_bytes == 2 * cells
