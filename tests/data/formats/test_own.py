import json

import cv2
import numpy as np
import pytest

from mice import mice, mouse_set
from posereg.data.formats import own
from posereg.data.samples.crop import topdown_sample
from posereg.data.samples.scenes import SceneDataset
from posereg.data.sources.check import check
from posereg.errors import UserError
from posereg.figures import people
from posereg.records.poses import DEEP


def test_shares_take_whole_pictures_and_depend_on_names_alone():
    names = [f"{k:03}.png" for k in range(50)]
    shares = {"train": 0.8, "val": 0.1}
    found = own.divided(names, None, shares, 3)
    assert [len(rows) for rows in found.values()] == [40, 5]
    assert not set(found["train"]) & set(found["val"])
    turned = own.divided(names[::-1], None, shares, 3)
    assert {names[k] for k in found["val"]} == {names[::-1][k] for k in turned["val"]}
    assert own.divided(names, None, shares, 4)["val"] != found["val"]


def test_lists_name_pictures_with_or_without_their_folder(tmp_path):
    (tmp_path / "val.txt").write_text("b.png\n\nx/c.png\n")
    found = own.divided(
        ["x/a.png", "x/b.png", "x/c.png"], tmp_path, {"train": ["a.png"], "val": "val.txt"}, 0
    )
    assert found == {"train": [0], "val": [1, 2]}


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        ({"train": 0.8, "val": 0.3}, "at most 1, not 1.1"),
        ({"train": ["d.png"], "val": []}, "train: 'd.png' is no image"),
        ({"train": ["a.png"], "val": ["x/a.png"]}, "'x/a.png' is in train and in val"),
        ({"train": ["b.png"]}, "'b.png' is several images"),
        ({"train": "none.txt"}, "none.txt"),
    ],
)
def test_splits_that_are_none_are_refused(tmp_path, splits, said):
    with pytest.raises(UserError, match=said):
        own.divided(["x/a.png", "x/b.png", "y/b.png"], tmp_path, splits, 0)


def test_the_splits_of_a_file_hold_everybody_once(tmp_path):
    content = mice(tmp_path, 10)
    splits = {"train": 0.7, "val": 0.3}
    parts = [mouse_set(tmp_path, 10, name, splits=splits) for name in splits]
    assert [len(part) for part in parts] == [7, 3]
    assert sorted(np.concatenate([part.ids for part in parts])) == [
        one["id"] for one in content["annotations"]
    ]
    assert sorted(name for part in parts for name in part.images) == [
        f"pictures/{k:03}.png" for k in range(10)
    ]


def test_what_is_left_out_is_counted_in_its_own_split(tmp_path):
    content = mice(tmp_path, 10)
    for entry in content["annotations"]:
        entry["bbox"] = [0, 0, -1, 5]
    (tmp_path / "mouse.json").write_text(json.dumps(content))
    parts = [mouse_set(tmp_path, 10, name, splits={"train": 0.7, "val": 0.3}) for name in ("train", "val")]
    assert [[len(who) for who in part.left_out.values()] for part in parts] == [[7], [3]]


def test_a_file_a_split(tmp_path):
    mice(tmp_path, 4)
    files = {"train": "mouse.json", "val": "mouse.json"}
    assert len(mouse_set(tmp_path, 4, "val", annotations=files, splits=None)) == 4
    with pytest.raises(UserError, match=r"no split 'test'; source.annotations has train, val"):
        mouse_set(tmp_path, 4, "test", annotations=files, splits=None)


def test_a_split_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no split 'vall'; source.splits has all"):
        mouse_set(tmp_path, 2, "vall")
    with pytest.raises(UserError, match=r"source.splits is missing"):
        mouse_set(tmp_path, 2, splits=None)


def test_several_animals_a_picture_and_rectangular_inputs(tmp_path):
    content = mice(tmp_path, 4)
    for one in content["annotations"]:
        one["image_id"] = 2
    (tmp_path / "mouse.json").write_text(json.dumps(content))
    poses = mouse_set(tmp_path, 4)
    assert poses.person_image.tolist() == [2] * 4
    sample = topdown_sample(poses, 3, (96, 160), None, None)
    assert sample["image"].shape == (160, 96, 3)
    back = sample["keypoints"] @ sample["to_image"][:, :2].T + sample["to_image"][:, 2]
    np.testing.assert_allclose(back, poses.keypoints[3], atol=1e-3)


def deep(folder, names):
    """Makes the pictures of those names 12 bits in 16."""
    for name in names:
        path = folder / "pictures" / name
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(path), picture.astype(np.uint16) * 16)


def test_twelve_bits_in_sixteen_train_like_eight_with_levels_and_are_counted_without(tmp_path):
    mice(tmp_path, 4)
    eight = topdown_sample(mouse_set(tmp_path, 4), 1, (96, 96), None, None)["image"]
    assert mouse_set(tmp_path, 4).left_out == {}
    deep(tmp_path, ["000.png", "001.png"])
    counted = mouse_set(tmp_path, 4)
    assert counted.left_out == {DEEP: ("pictures/000.png", "pictures/001.png")}
    assert not check(counted).good
    assert topdown_sample(counted, 1, (96, 96), None, None)["image"].max() < 16
    stretched = mouse_set(tmp_path, 4, levels=[0, 4080])
    assert stretched.left_out == {}
    assert check(stretched).good
    assert (topdown_sample(stretched, 1, (96, 96), None, None)["image"] == eight).all()
    scenes = [SceneDataset(poses, (128, 128)) for poses in (counted, stretched)]
    assert [int(scene.sample(1, None)["image"].max()) for scene in scenes] == [12, 200]
    assert people.picture_of(stretched, 1).max() == 200
