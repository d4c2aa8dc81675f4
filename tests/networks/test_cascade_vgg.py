"""VGG cascade: torchvision's weights, and the input's size back for any input."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from posereg.errors import UserError
from posereg.networks.cascade_vgg import VGGDetector, VGGRegressor, _upsampled


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
