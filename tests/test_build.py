"""Methods from configs and checkpoints: whole, partly, or refused with the file's name."""

import pytest
import torch

from posereg import config as configs
from posereg.build import build_method, load_method, load_network
from posereg.errors import UserError
from posereg.models import weights_file
from tiny import data_set, overrides


def config(*more, method="H1"):
    return configs.plain(
        configs.compose(overrides("mpii", data_set("mpii"), f"method={method}", "input_scale=0.25", *more))
    )


@pytest.fixture
def saved(tmp_path):
    """A checkpoint of an untrained H1."""
    torch.manual_seed(0)
    plain = config()
    module = build_method(plain, weights=False)
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": module.state_dict(), "posereg_config": plain}, path)
    return path


def test_trunk_weights_are_asked_for_only_where_no_checkpoint_will_fill_them():
    """`weights=false` also reaches settings deep in the config; a missing file is then none of its business."""
    plain = config("backbone.weights=no/such/file.pt", "backbone.width=1")
    with pytest.raises(UserError, match=r"no/such/file\.pt"):
        build_method(plain)
    build_method(plain, weights=False)


def test_a_loaded_method_predicts_what_the_saved_one_did(saved):
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    torch.manual_seed(0)
    original = build_method(config(), weights=False).eval()
    loaded = load_method(saved)
    assert not loaded.training
    with torch.inference_mode():
        for ours, theirs in zip(loaded.predict(images), original.predict(images), strict=True):
            torch.testing.assert_close(ours, theirs)
    assert loaded.plain_config == torch.load(saved, weights_only=True)["posereg_config"]


def test_another_number_of_joints_keeps_the_trunk_and_says_so(saved, capsys):
    other = build_method(
        configs.plain(configs.compose(overrides("lsp", data_set("lsp"), "method=H1", "input_scale=0.25"))),
        weights=False,
    )
    load_network(other, saved)
    printed = capsys.readouterr().out
    assert "of another size, so started anew" in printed
    state, file = other.state_dict(), torch.load(saved, weights_only=True)["state_dict"]
    same = [name for name in file if name in state and file[name].shape == state[name].shape]
    assert same
    assert all(torch.equal(state[name], file[name]) for name in same)
    with pytest.raises(UserError, match=r"last\.ckpt: \d+ tensors of the network are not in it"):
        load_network(other, saved, whole=True)


def test_the_whole_network_may_be_evaluated(saved):
    module = build_method(config(), weights=False)
    load_network(module, saved, whole=True)
    file = torch.load(saved, weights_only=True)["state_dict"]
    assert all(torch.equal(value, file[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"nothing of torch's", "last.ckpt"),
        ({"state_dict": {}}, "holds no posereg_config"),
        ([1, 2], "holds no posereg_config"),
        ({"posereg_config": {"method": {}}}, "last.ckpt"),
    ],
)
def test_what_is_no_checkpoint_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "last.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(UserError) as refused:
        load_method(path)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (
            "decode",
            "argmx",
            "method.decode=argmx: must be argmax, integral",
        ),
        ("normalisation", "l1", "method.normalisation=l1: must be softmax, relu_sum"),
        ("flip_test", "maybe", "method.flip_test=maybe: must be true or false"),
        ("beta", float("nan"), "method.beta=nan: must be a number above 0"),
        (
            "convention",
            "corners",
            "method.convention=corners: must be center or corner, did you mean 'corner'?",
        ),
        ("betas", 1.0, "method.betas: no such key, did you mean 'beta'?"),
        ("network.joints", 17, "method.network.joints=17: must be 16, the joints of mpii"),
        ("network", None, "method.network=null: must be a config node"),
    ],
)
def test_a_stored_method_is_held_to_what_a_run_s_may_be(saved, key, value, told):
    content = torch.load(saved, weights_only=True)
    node = content["posereg_config"]["method"]
    *groups, leaf = key.split(".")
    for group in groups:
        node = node[group]
    node[leaf] = value
    torch.save(content, saved)
    with pytest.raises(UserError) as refused:
        load_method(saved)
    assert str(refused.value).startswith(f"{saved}: its config: ")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_model_file_s_method_is_held_to_it_too(saved, tmp_path):
    module = load_method(saved)
    node = {**module.plain_config["method"], "decode": "maximum", "flip_test": 2}
    weights_file.write(
        tmp_path / "a.safetensors", module.state_dict(), {"method": node}, list(module.skeleton.joints)
    )
    with pytest.raises(
        UserError,
        match=r"a\.safetensors: its config: method\.decode=maximum: .*; method\.flip_test=2: must be",
    ):
        load_method(tmp_path / "a.safetensors")
