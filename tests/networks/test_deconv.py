"""Sizes of integral's networks (docs/papers/integral.md#sizes), weights from files."""

import pytest
import torch

from posereg.errors import UserError
from posereg.networks.backbone import backbone, channels
from posereg.networks.complexity import complexity
from posereg.networks.deconv import HeatmapNet, MultiStageNet, RegressionNet


def count(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("name", "layers", "size", "millions", "gmacs", "cell"),
    [
        ("resnet18", 2, 256, 14.327, 2.776, 8),
        ("resnet50", 2, 128, 32.950, 1.537, 8),
        ("resnet50", 3, 128, 33.999, 1.809, 4),
        ("resnet50", 2, 256, 32.950, 6.148, 8),
        ("resnet50", 3, 256, 33.999, 7.234, 4),
        ("resnet101", 2, 256, 51.942, 10.996, 8),
    ],
)
def test_heatmap_networks_have_the_published_sizes(name, layers, size, millions, gmacs, cell):
    model = HeatmapNet(backbone(name), 16, layers)
    cost = complexity(model, (3, size, size))
    assert cost.params / 1e6 == pytest.approx(millions, abs=6e-4)
    assert cost.macs / 1e9 == pytest.approx(gmacs, rel=5e-3)
    (maps,) = HeatmapNet(backbone(name, width=0.125), 16, layers, 8).eval()(torch.zeros(1, 3, size, size))
    assert maps.shape == (1, 16, size // cell, size // cell)


@pytest.mark.parametrize(
    ("name", "millions"), [("resnet18", 11.193), ("resnet50", 23.574), ("resnet101", 42.566)]
)
def test_regression_networks_have_the_published_sizes(name, millions):
    assert count(RegressionNet(backbone(name), 16)) / 1e6 == pytest.approx(millions, abs=6e-4)


def test_coco_network():
    cost = complexity(HeatmapNet(backbone("resnet101"), 17, 3), (3, 256, 256))
    assert cost.params / 1e6 == pytest.approx(52.992, abs=6e-4)
    assert cost.macs / 1e9 == pytest.approx(12.084, rel=5e-3)


@pytest.mark.parametrize(
    ("stages", "millions", "gmacs"), [(1, 32.950, 6.148), (2, 64.476, 9.935), (4, 127.528, 17.510)]
)
def test_multi_stage_networks_have_the_published_sizes(stages, millions, gmacs):
    cost = complexity(MultiStageNet(backbone("resnet50"), 16, stages), (3, 256, 256))
    assert cost.params / 1e6 == pytest.approx(millions, abs=6e-4)
    assert cost.macs / 1e9 == pytest.approx(gmacs, rel=5e-3)


def test_later_stages_keep_the_known_channels_weights():
    trunk = backbone("resnet18", width=0.25)
    first = trunk.layer3[0].conv1.weight.detach().clone()
    net = MultiStageNet(trunk, 16, 3)
    for stage in (1, 2):
        block = net.trunks[stage][0][0]
        known = first.shape[1]
        assert block.conv1.in_channels == known + 16
        torch.testing.assert_close(block.conv1.weight[:, :known], first)
        assert 0 < block.conv1.weight[:, known:].std() < 2e-3
        assert block.downsample[0].in_channels == known + 16 or block.downsample[1].in_channels == known + 16
    maps = net(torch.zeros(1, 3, 64, 64))
    assert [m.shape for m in maps] == [(1, 16, 8, 8)] * 3


def test_weights_of_a_file_in_torchvisions_names(tmp_path, capsys):
    import torchvision

    source = torchvision.models.resnet18()
    torch.save({"state_dict": {f"module.{k}": v for k, v in source.state_dict().items()}}, tmp_path / "w.pth")
    trunk = backbone("resnet18", weights=str(tmp_path / "w.pth"))
    said = capsys.readouterr().out
    assert "120 of 120 tensors loaded" in said
    assert "started anew" not in said
    assert "not in the file" not in said
    trunk.eval(), source.eval()
    image = torch.rand(1, 3, 64, 64)
    x = source.maxpool(source.relu(source.bn1(source.conv1(image))))
    expected = source.layer4(source.layer3(source.layer2(source.layer1(x))))
    torch.testing.assert_close(trunk(image)[-1], expected, atol=1e-4, rtol=1e-4)
    assert channels(trunk)[-1] == 512


def test_weights_that_do_not_fit_are_a_user_error(tmp_path):
    torch.save({"w": torch.zeros(3)}, tmp_path / "w.pth")
    with pytest.raises(UserError, match="none of the 1 tensors"):
        backbone("resnet18", weights=str(tmp_path / "w.pth"))
    with pytest.raises(UserError, match="no such file"):
        backbone("resnet18", weights=str(tmp_path / "absent.pth"))
    with pytest.raises(UserError, match="no model 'resnet19'"):
        backbone("resnet19")


def test_no_network_and_no_file_names_both_ways_out(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", "/nonexistent")
    import timm

    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(UserError, match=r"backbone\.weights=FILE.*backbone\.pretrained=false"):
        backbone("resnet18", pretrained=True)
