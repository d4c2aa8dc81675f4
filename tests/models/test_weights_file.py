"""The model file: what is written comes back in half precision, and a foreign or damaged one is named."""

import json

import pytest
import torch
from safetensors.torch import save_file

from posereg.errors import UserError
from posereg.models import weights_file

TENSORS = {"a.weight": torch.tensor([1.0, 1 / 3, -2.0]), "a.count": torch.tensor(7)}
CONFIG = {"row": "H1", "method": {"name": "H1"}}


def test_what_is_written_comes_back_in_half_precision(tmp_path):
    path = tmp_path / "m.safetensors"
    weights_file.write(path, TENSORS, CONFIG, ["nose", "neck"])
    config, joints, tensors = weights_file.read(path)
    assert (config, joints) == (CONFIG, ["nose", "neck"])
    assert tensors["a.weight"].dtype == torch.float16
    assert torch.equal(tensors["a.weight"], TENSORS["a.weight"].half())
    assert tensors["a.count"] == 7
    assert tensors["a.count"].dtype == torch.int64


@pytest.mark.parametrize("value", [7e4, float("nan"), float("inf")])
def test_what_half_precision_cannot_hold_is_refused_by_name(tmp_path, value):
    path = tmp_path / "m.safetensors"
    with pytest.raises(UserError, match=r"a\.weight"):
        weights_file.write(path, {"a.weight": torch.tensor([value])}, CONFIG, [])
    assert not path.exists()


def test_tensors_that_share_memory_are_written(tmp_path):
    shared = torch.ones(4, 4)
    weights_file.write(tmp_path / "m.safetensors", {"a": shared, "b": shared.T}, CONFIG, [])
    assert set(weights_file.read(tmp_path / "m.safetensors")[2]) == {"a", "b"}


def header(**values):
    return {"posereg": json.dumps({"version": 1, "config": CONFIG, "joints": [], **values})}


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "bare tensors"),
        ({"posereg": "{"}, "not a model file of posereg"),
        (header(version=99), "later version"),
        (header(config={}), "holds no method"),
    ],
)
def test_a_foreign_header_is_refused_by_the_file_s_name(tmp_path, metadata, message):
    path = tmp_path / "m.safetensors"
    save_file({"a": torch.ones(1)}, path, metadata)
    with pytest.raises(UserError, match=message) as refused:
        weights_file.read(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"nothing", None])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "m.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"m\.safetensors"):
        weights_file.read(path)


def test_a_cut_file_is_named(tmp_path):
    path = tmp_path / "m.safetensors"
    weights_file.write(path, TENSORS, CONFIG, [])
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match=r"m\.safetensors: not a model file"):
        weights_file.read(path)
