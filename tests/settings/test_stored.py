"""Nothing runs from a file: a stored config builds what posereg's configs build, and nothing else."""

from pathlib import Path

import pytest
import torch

from posereg import config as configs
from posereg.build import build_method, load_method
from posereg.errors import UserError
from posereg.settings.stored import check_stored, targets_of
from tiny import data_set, overrides

FOLDERS = [configs.root() / "conf", configs.experiments()]


def stored(tmp_path, change):
    """A checkpoint of an untrained H1 with a changed config."""
    plain = configs.plain(
        configs.compose(overrides("mpii", data_set("mpii"), "method=H1", "input_scale=0.25"))
    )
    module = build_method(plain, weights=False)
    change(plain)
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": module.state_dict(), "posereg_config": plain}, path)
    return path


def test_posereg_s_own_config_is_built(tmp_path):
    assert load_method(stored(tmp_path, lambda plain: None)).name == "H1"


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.exec",
        "subprocess.run",
        "posereg.runs.results.subprocess.run",  # through a module of ours
        "posereg.files.write_text",  # a function of ours that no config names
        "pathlib.Path.touch",
    ],
)
@pytest.mark.parametrize("place", ["network", "optimizer", "new", "list"])
def test_any_other_function_is_refused_wherever_it_stands(tmp_path, target, place):
    harm = tmp_path / "harm"
    node = {"_target_": target, "_args_": [str(harm)]}

    def change(plain):
        method = plain["method"]
        if place == "list":
            method["extra"] = [[node]]
        else:
            method[place] = node

    with pytest.raises(UserError, match=rf"last\.ckpt: its config asks to build '{target}'"):
        load_method(stored(tmp_path, change))
    assert not harm.exists()


def test_an_interpolation_is_refused(tmp_path):
    def change(plain):
        plain["method"]["name"] = "${oc.env:HOME}"

    with pytest.raises(UserError, match=r"last\.ckpt: its config holds '\$\{oc\.env:HOME\}'"):
        load_method(stored(tmp_path, change))


def test_a_users_own_class_is_trusted_with_its_folder(tmp_path):
    folder = tmp_path / "conf" / "method"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text('_target_: "mine.methods.Mine"\nloss:\n  _target_: mine.loss\n')
    node = {"_target_": "mine.methods.Mine"}
    with pytest.raises(UserError, match=r"--config-dir"):
        check_stored(node, "a.ckpt", FOLDERS)
    check_stored(node, "a.ckpt", [*FOLDERS, tmp_path / "conf"])
    assert targets_of(tmp_path / "conf") == {"mine.methods.Mine", "mine.loss"}


@pytest.mark.parametrize("target", [None, 3, ["os.system"], {"_target_": "os.system"}])
def test_a_target_that_is_no_name_is_refused(target):
    with pytest.raises(UserError, match=r"a\.ckpt"):
        check_stored({"_target_": target}, Path("a.ckpt"), FOLDERS)


def test_every_shipped_row_may_come_back_from_its_checkpoint():
    """What is trained can be predicted with: every target of every config is trusted."""
    from hydra import compose, initialize_config_dir

    assert len(targets_of(configs.root() / "conf")) > 30
    with initialize_config_dir(str(configs.root() / "conf"), version_base="1.3"):
        plain = configs.plain(compose("train", overrides=["method=I1", "data=synthetic"]))
    check_stored(plain, "result.json", FOLDERS)
