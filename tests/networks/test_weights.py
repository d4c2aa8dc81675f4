"""Weights of any origin: names without what wrappers put before them, and what does not fit is said."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from posereg.errors import UserError
from posereg.networks.weights import bare, load_fitting, read_tensors, without_prefix


def network(joints=16):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, joints, 1))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("module.conv.weight", "conv.weight"),
        ("_orig_mod.conv.weight", "conv.weight"),
        ("network._orig_mod.module.conv.weight", "network.conv.weight"),
        ("weight", "weight"),
        ("my_module.weight", "my_module.weight"),
    ],
)
def test_wrappers_leave_the_names(name, expected):
    assert bare(name) == expected


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "model_state_dict"])
@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "model.backbone.", "network.module._orig_mod."]
)
def test_a_state_dict_however_it_was_saved(tmp_path, wrapper, prefix):
    source, target = network(), network()
    state = {prefix + name: value for name, value in source.state_dict().items()}
    torch.save(state if wrapper is None else {wrapper: state, "epoch": 3}, tmp_path / "a.pth")
    tensors = without_prefix(read_tensors(tmp_path / "a.pth"), target.state_dict())
    assert load_fitting(target, tensors, "a.pth") == []
    for name, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], value)


def test_safetensors_in_half_precision(tmp_path):
    source, target = network(), network()
    save_file({k: v.half() for k, v in source.state_dict().items()}, tmp_path / "a.safetensors")
    load_fitting(target, read_tensors(tmp_path / "a.safetensors"), "a")
    assert target[0].weight.dtype == torch.float32
    torch.testing.assert_close(target[0].weight, source[0].weight, atol=1e-3, rtol=1e-3)


def test_another_number_of_joints_keeps_the_trunk_and_says_so(capsys):
    source, target = network(16), network(12)
    missing = load_fitting(target, source.state_dict(), "a.pth")
    assert missing == ["1.weight", "1.bias"]
    assert torch.equal(target[0].weight, source[0].weight)
    said = capsys.readouterr().out
    assert "2 of 4 tensors loaded" in said
    assert "of another size, so started anew: 1.weight, 1.bias" in said


def test_nothing_that_fits_is_an_error():
    with pytest.raises(UserError, match="none of the 1 tensors fits"):
        load_fitting(network(), {"w": torch.zeros(2)}, "a.pth")


@pytest.mark.parametrize("content", [{}, {"a": 1}, [torch.zeros(1)], torch.zeros(3), None])
def test_a_file_without_tensors_by_name(tmp_path, content):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"a\.pth holds no tensors"):
        read_tensors(tmp_path / "a.pth")
