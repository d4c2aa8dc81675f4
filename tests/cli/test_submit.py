"""posereg submit: a bottom-up model's poses for the COCO server, from a file that lists images and nobody."""

import json
import shutil

import pytest

from mice import mice
from posereg import config as configs
from posereg.cli import submit
from posereg.cli.program import invoke
from posereg.errors import UserError
from posereg.train import train
from tiny import data_set, overrides

SMALL = ("method=art", "loader=bottomup", "augment=art", "backbone=hrnet_w18_small", "input_scale=0.125")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("submit")
    given = overrides(
        "coco",
        folder,
        *SMALL,
        "method.scoring=false",
        "method.network.init=identity",
        "augment.scale=[0.8,1.2]",  # the demo's is for crops
    )
    train(configs.compose(given), given)
    return folder / "synthetic_coco/single/art/seed0/last.ckpt"


@pytest.fixture
def test_dev(tmp_path):
    """The validation images as a test set: image sizes and names, no people."""
    content = json.loads((data_set("coco") / "annotations/person_keypoints_val2017.json").read_text())
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    content["annotations"] = []
    (root / "annotations/image_info_test-dev2017.json").write_text(json.dumps(content))
    (root / "test2017").symlink_to(data_set("coco") / "val2017")
    return root


def test_own_data_have_no_test_server(tmp_path, monkeypatch):
    mice(tmp_path, 2)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"no submission for mouse; there is one for mpii, coco, h80k"):
        invoke(["submit", "data=mouse.yaml", "checkpoint=a.ckpt", "out=x"])


def test_everybody_found_is_in_the_file(trained, test_dev, tmp_path):
    out = tmp_path / "out"
    assert (
        invoke(
            [
                "submit",
                "data=coco",
                f"data.root={test_dev}",
                f"checkpoint={trained}",
                f"out={out}",
                "device=cpu",
            ]
        )
        == 0
    )
    (file,) = out.iterdir()
    assert file.name == "person_keypoints_test-dev2017_posereg_results.json"
    found = json.loads(file.read_text())
    images = json.loads((test_dev / "annotations/image_info_test-dev2017.json").read_text())["images"]
    assert {pose["image_id"] for pose in found} <= {image["id"] for image in images}
    assert all(len(pose["keypoints"]) == 51 and pose["category_id"] == 1 for pose in found)
    best_first = [pose["score"] for pose in found if pose["image_id"] == found[0]["image_id"]]
    assert best_first == sorted(best_first, reverse=True)


def test_a_damaged_picture_ends_it_by_name_and_nothing_is_written(trained, test_dev, tmp_path):
    pictures = sorted((test_dev / "test2017").resolve().iterdir())
    (test_dev / "test2017").unlink()
    (test_dev / "test2017").mkdir()
    for picture in pictures:
        shutil.copy(picture, test_dev / "test2017")
    (test_dev / "test2017" / pictures[1].name).write_bytes(pictures[1].read_bytes()[:400])
    out = tmp_path / "out"
    with pytest.raises(UserError, match=pictures[1].name):
        invoke(
            [
                "submit",
                "data=coco",
                f"data.root={test_dev}",
                f"checkpoint={trained}",
                f"out={out}",
                "device=cpu",
            ]
        )
    assert not out.exists()


@pytest.mark.parametrize("more", ["crop_scales=1,0.9", "second"])
def test_what_a_bottom_up_model_has_no_use_for(trained, test_dev, tmp_path, more):
    checkpoint = f"{trained},{trained}" if more == "second" else trained
    extra = [] if more == "second" else [more]
    with pytest.raises(UserError, match="bottom-up model takes one checkpoint"):
        invoke(
            [
                "submit",
                "data=coco",
                f"data.root={test_dev}",
                f"checkpoint={checkpoint}",
                f"out={tmp_path}/o",
                *extra,
            ]
        )


def test_a_data_set_without_a_server_and_a_model_of_other_joints_are_refused(trained, tmp_path):
    root = f"data.root={data_set('mpii')}"
    for data, message in (
        (["data=synthetic", root], "has the joints of coco, not of mpii"),
        (
            ["data=synthetic_lsp", f"data.root={data_set('lsp')}"],
            "no submission for synthetic_lsp; there is one for",
        ),
    ):
        with pytest.raises(UserError, match=message):
            submit.run(
                data,
                [trained],
                tmp_path / "o",
                "valid" if "joints" in message else None,
                None,
                None,
                "cpu",
                2,
            )
    assert not (tmp_path / "o").exists()
