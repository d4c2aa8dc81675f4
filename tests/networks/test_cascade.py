from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from posereg.errors import UserError
from posereg.networks.backbone import backbone
from posereg.networks.cascade import Cascade
from posereg.networks.cascade_residual import ResidualDetector
from posereg.networks.cascade_vgg import VGGDetector, VGGRegressor, _upsampled


class _Spy(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = x
        return x[:, :-3]


@pytest.mark.parametrize(("stack", "guide"), [("probabilities", torch.sigmoid), ("maps", torch.clone)])
def test_what_is_stacked_on_the_image(stack: str, guide: object) -> None:
    spy = _Spy()
    images = torch.randn(1, 3, 8, 8)
    maps = Cascade(nn.Conv2d(3, 5, 1), spy, stack=stack)(images)  # type: ignore[arg-type]
    torch.testing.assert_close(spy.seen, torch.cat([guide(maps["detection"]), images], dim=1))  # type: ignore[operator]


def test_joint_training_reaches_the_detector() -> None:
    network = Cascade(nn.Conv2d(3, 2, 1), nn.Conv2d(5, 2, 1))
    maps = network(torch.randn(2, 3, 8, 8))
    assert maps["regression"] is not None
    maps["regression"].sum().backward()
    assert network.detector.weight.grad.abs().sum() > 0  # type: ignore[union-attr, operator]


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


def test_vgg_takes_torchvision_names() -> None:
    with torch.device("meta"):
        theirs = torchvision.models.vgg16()
        ours = VGGDetector()
    shapes = {key: value.shape for key, value in theirs.features.state_dict().items()}
    assert {key: value.shape for key, value in ours.features.state_dict().items()} == shapes
    fully = {"classifier.0.weight": (4096, 512, 7, 7), "classifier.3.weight": (4096, 4096, 1, 1)}
    state = ours.state_dict()
    for key, shape in fully.items():
        assert state[key].shape == shape
        assert state[key].numel() == theirs.state_dict()[key].numel()


def test_vgg_weights_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fully connected layers, as convolutions, answer the same at the middle of a 7x7 map."""
    torch.manual_seed(0)
    source = VGGDetector(fc_channels=16)
    first, second = nn.Linear(512 * 49, 16), nn.Linear(16, 16)
    given = {f"features.{key}": value for key, value in source.features.state_dict().items()}
    given |= {f"classifier.0.{key}": value for key, value in first.state_dict().items()}
    given |= {f"classifier.3.{key}": value for key, value in second.state_dict().items()}
    given |= {"classifier.6.weight": torch.zeros(1000, 16)}
    torch.save(given, tmp_path / "vgg.pth")
    loaded = VGGDetector(fc_channels=16, weights=str(tmp_path / "vgg.pth")).eval()
    assert "loaded 30 tensors, 6 missing" in capsys.readouterr().out
    features = torch.randn(2, 512, 7, 7)
    expected = second(first(features.flatten(1)).relu()).relu()
    torch.testing.assert_close(loaded.classifier(features)[..., 3, 3], expected, rtol=1e-4, atol=1e-5)
    image = torch.randn(1, 3, 40, 40)
    torch.testing.assert_close(loaded.features(image), source.features(image))


def test_vgg_refuses_foreign_weights(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="fits VGG-16"):
        VGGDetector(fc_channels=4, weights=str(tmp_path / "other.pth"))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (60, 76)])
def test_vgg_restores_any_input_size(height: int, width: int) -> None:
    with torch.inference_mode():
        assert VGGDetector(2, fc_channels=4)(torch.randn(1, 3, height, width)).shape == (1, 2, height, width)
        small = VGGRegressor(2, channels=(4,) * 6)
        assert small(torch.randn(1, 5, height, width)).shape == (1, 2, height, width)


def test_upsampled_cells_stay_where_they_are() -> None:
    """A map that holds its cells' centres in input pixels gives the pixel positions, although 48 * 8 > 380."""
    centres = (torch.arange(48) * 8 + 3.5).expand(1, 1, 48, 48)
    columns = _upsampled(centres, 8, torch.empty(1, 3, 380, 380))[0, 0, 0]
    assert columns.shape == (380,)
    torch.testing.assert_close(columns[4:], torch.arange(4.0, 380))
