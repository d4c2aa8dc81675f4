"""Addresses of Hugging Face, with its cache as it lies on disk and without a network."""

import huggingface_hub
import pytest

from posereg.errors import UserError
from posereg.models import hub
from posereg.models.resolve import checkpoint_file


@pytest.mark.parametrize("address", ["hf:", "hf:name", "hf:a/b/c", "hf:a/b@", "hf:a/b@c d"])
def test_an_address_is_an_owner_and_a_name(address):
    with pytest.raises(UserError, match="not hf:OWNER/NAME"):
        checkpoint_file(address)


def test_without_network_and_cache_it_says_what_helps(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="hf:nobody/nothing could not be downloaded"):
        checkpoint_file("hf:nobody/nothing")


def snapshot(tmp_path, monkeypatch, files):
    folder = tmp_path / "models--usyd-community--vitpose-tiny/snapshots/abc"
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_text("{}")
    asked = []

    def download(name, revision, allow_patterns):
        asked.append((name, revision))
        assert hub.WEIGHTS in allow_patterns
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return folder, asked


def test_a_model_is_its_weights_under_its_own_name(tmp_path, monkeypatch):
    folder, asked = snapshot(tmp_path, monkeypatch, ["config.json", "model.safetensors"])
    path = checkpoint_file("hf:usyd-community/vitpose-tiny@v1.0")
    assert path == folder / "model.safetensors"
    assert asked == [("usyd-community/vitpose-tiny", "v1.0")]
    assert hub.model_name(path) == "vitpose-tiny"
    assert hub.config_of(path) == {}


def test_a_model_without_safetensors_is_refused(tmp_path, monkeypatch):
    snapshot(tmp_path, monkeypatch, ["config.json"])
    with pytest.raises(UserError, match=r"holds no model\.safetensors"):
        checkpoint_file("hf:usyd-community/vitpose-tiny")


def test_other_files_keep_their_own_name(tmp_path):
    assert hub.model_name(tmp_path / "body16-r18.safetensors") == "body16-r18"
    assert hub.model_name(tmp_path / "mine" / "model.safetensors") == "mine"
    assert hub.config_of(tmp_path / "model.safetensors") is None
