"""Trunks: feature maps and widths, weights from a file, and mistakes told before a run."""

import pytest
import torch

from posereg.errors import UserError
from posereg.networks.backbone import backbone, channels, load_weights


@pytest.mark.parametrize(("name", "width", "expected"), [
    ("resnet18", 1.0, [64, 64, 128, 256, 512]),
    ("resnet18", 0.25, [16, 16, 32, 64, 128]),
    ("resnet18", 1 / 32, [8, 8, 8, 8, 16]),
])  # fmt: skip
def test_feature_maps_finest_first(name, width, expected):
    """Strides 2 to 32, and the channels that the trunk says it has."""
    trunk = backbone(name, width=width).eval()
    with torch.inference_mode():
        maps = trunk(torch.randn(1, 3, 64, 96))
    assert [tuple(m.shape[-2:]) for m in maps] == [(64 // s, 96 // s) for s in (2, 4, 8, 16, 32)]
    assert channels(trunk) == [m.shape[1] for m in maps] == expected


def test_weights_from_a_file_are_the_networks_own(tmp_path, capsys):
    torch.manual_seed(0)
    source = backbone("resnet18")
    state = {f"module.trunk.{name}": value for name, value in source.state_dict().items()}
    torch.save({"state_dict": {**state, "module.head.weight": torch.zeros(3)}}, tmp_path / "a.pth")
    loaded = backbone("resnet18", weights=str(tmp_path / "a.pth"))
    for name, value in source.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
    assert "a.pth" in capsys.readouterr().out


@pytest.mark.parametrize(("count", "moving"), [(1, "layer1"), (2, "layer2"), (5, None)])
def test_frozen_layers_stay_as_they_are(count, moving):
    """Neither an optimiser step nor batch statistics change them, in training mode too; those after them move."""
    torch.manual_seed(0)
    trunk = backbone("resnet18", width=0.25, frozen=count).train()
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    trainable = [p for p in trunk.parameters() if p.requires_grad]
    loss = torch.stack([f.square().mean() for f in trunk(torch.randn(2, 3, 64, 64))]).sum()
    if trainable:
        optimizer = torch.optim.SGD(trainable, lr=0.1)
        loss.backward()
        optimizer.step()
    changed = {
        name.partition(".")[0] for name, v in trunk.state_dict().items() if not torch.equal(v, before[name])
    }
    stages = ["layer1", "layer2", "layer3", "layer4"]
    assert changed == set(stages[stages.index(moving) :] if moving else [])


def test_mistakes_name_the_setting(tmp_path):
    with pytest.raises(UserError, match=r"timm has no model 'resnet18\.tv_in1kx'; near it: "):
        backbone("resnet18.tv_in1kx", pretrained=False)
    with pytest.raises(UserError, match=r"backbone\.name: timm has no model 'resnet99'; near it: "):
        backbone("resnet99")
    with pytest.raises(UserError, match="pretrained weights need width 1"):
        backbone("resnet18", pretrained=True, width=0.5)
    with pytest.raises(UserError, match="frozen=6: the trunk has 5"):
        backbone("resnet18", frozen=6)
    with pytest.raises(UserError, match=r"backbone\.weights: no such file"):
        backbone("resnet18", weights=str(tmp_path / "none.pth"))
    torch.save({"other": torch.zeros(2)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match="none of the 1 tensors fits"):
        load_weights(backbone("resnet18", width=0.125), tmp_path / "a.pth")
