"""A YOLO-pose folder against the same mice in COCO's form."""

import shutil

import numpy as np
import PIL.Image
import pytest
import yaml

from mice import JOINTS, as_yolo, mice, mouse_set
from posereg.data.formats import own_coco, own_yolo
from posereg.errors import UserError
from posereg.records.poses import UNLABELLED

SOURCE = {"format": "yolo-pose", "annotations": "yolo/data.yaml", "images": None, "splits": None}


@pytest.fixture
def folder(tmp_path):
    as_yolo(tmp_path, mice(tmp_path, 6), 4)
    return tmp_path


def read(folder, split="train"):
    return mouse_set(folder, 6, split, **SOURCE)


def described(folder, **changed):
    path = folder / "yolo/data.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changed}))


def test_the_same_mice_as_in_coco_s_form(folder):
    plain = mouse_set(folder, 6)
    parts = [read(folder, split) for split in ("train", "val")]
    assert [part.left_out for part in parts] == [{}, {}]
    assert [name for part in parts for name in part.images] == [
        f"yolo/images/{'train' if k < 4 else 'val'}/{k:03}.png" for k in range(6)
    ]
    np.testing.assert_allclose(np.concatenate([part.keypoints for part in parts]), plain.keypoints, rtol=1e-5)
    np.testing.assert_allclose(
        np.concatenate([part.extras["bbox"] for part in parts]), plain.extras["bbox"], rtol=1e-4
    )
    assert parts[0].extras["image_size"].tolist() == [[128, 120]] * 4
    _, labels = own_yolo.load(folder / "yolo/data.yaml", folder, "val", plain.skeleton)
    assert [label.name for label in labels] == ["004.txt", "005.txt"]


def test_joints_go_by_name_where_the_folder_names_them(folder):
    described(folder, kpt_names={0: JOINTS[::-1]})
    np.testing.assert_allclose(read(folder).keypoints, mouse_set(folder, 6).keypoints[:4, ::-1], rtol=1e-5)


def test_lists_of_pictures_and_labels_are_part_of_the_hash(folder):
    (folder / "yolo/some.txt").write_text("images/train/001.png\n\nimages/train/003.png\n")
    described(folder, train="some.txt")
    found = read(folder)
    assert found.images == ("yolo/images/train/001.png", "yolo/images/train/003.png")
    before = found.annotation_hash
    label = folder / "yolo/labels/train/003.txt"
    label.write_text(f"{label.read_text()}{(folder / 'yolo/labels/train/001.txt').read_text()}")
    assert read(folder).annotation_hash != before
    assert len(read(folder)) == 3


def test_lines_that_repeat_another_and_labels_without_a_picture_are_named(folder):
    labels = folder / "yolo/labels/train"
    line = (labels / "000.txt").read_text()
    (labels / "000.txt").write_text(line * 2)
    (labels / "ghost.txt").write_text(line)
    (labels / "classes.txt").write_text("mouse\n")
    (labels / "empty.txt").write_text("")
    found = read(folder)
    assert found.left_out == {
        own_coco.REPEATED: ("yolo/images/train/000.png, line 2",),
        "people on an image that is not listed": ("yolo/labels/train/ghost.txt",),
    }
    assert len(found) == len(found.images) == 4


def test_two_numbers_a_joint_and_pictures_without_labels(folder):
    described(folder, kpt_shape=[12, 2])
    for path in (folder / "yolo/labels/train").iterdir():
        words = path.read_text().split()
        points = np.reshape(words[5:], (12, 3))[:, :2]
        points[0] = "0"
        path.write_text(" ".join([*words[:5], *points.ravel()]))
    (folder / "yolo/labels/train/002.txt").unlink()
    found = read(folder)
    assert found.visibility.tolist() == [[0, *[2] * 11]] * 3
    assert len(found.images) == 4


def test_a_picture_that_is_not_there_leaves_its_people_without_a_place(folder):
    (folder / "yolo/some.txt").write_text("images/train/001.png\nimages/train/003.png\n")
    described(folder, train="some.txt")
    (folder / "yolo/images/train/001.png").unlink()
    found = read(folder)
    assert len(found) == 1
    assert found.left_out[UNLABELLED] == ("yolo/images/train/001.png, line 1",)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kpt_shape": None}, "kpt_shape: must be"),
        ({"kpt_shape": [12, 4]}, "kpt_shape: must be"),
        ({"train": None}, "no split 'train'; it has val"),
        ({"train": "nowhere"}, "no folder of images and no list"),
        ({"kpt_shape": [11, 3]}, "has 11 joints, the skeleton 12; name them in kpt_names"),
        ({"kpt_names": ["nose"]}, "name them in kpt_names"),
    ],
)
def test_a_mistake_in_data_yaml_is_named(folder, changed, said):
    described(folder, **changed)
    with pytest.raises(UserError, match=said):
        read(folder)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 1 2", "line 1: 3 numbers, kpt_shape asks for 41"),
        ("0 a", "numbers"),
        *(
            (f"{odd}{' 0.5' * 40}", f"001.txt, line 1: class {odd} is none of data.yaml's names")
            for odd in ("nan", "inf", "0.7", "3", "-1")
        ),
    ],
)
def test_a_line_that_is_none_is_named(folder, line, said):
    (folder / "yolo/labels/train/001.txt").write_text(line)
    with pytest.raises(UserError, match=said):
        read(folder)


def test_two_pictures_of_one_label_file_are_refused(folder):
    shutil.copy(folder / "yolo/images/train/001.png", folder / "yolo/images/train/001.jpg")
    with pytest.raises(UserError, match=r"001.txt: is of two pictures, 001.jpg and 001.png"):
        read(folder)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_that_exif_turns_is_refused(folder, orientation):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    PIL.Image.new("RGB", (128, 120)).save(folder / "yolo/images/train/001.jpg", exif=exif)
    with pytest.raises(UserError, match=r"001.jpg: EXIF turns it"):
        read(folder)


def test_splits_are_the_folder_s_own(folder):
    with pytest.raises(UserError, match=r"YOLO's data.yaml has the splits"):
        mouse_set(folder, 6, "train", **{**SOURCE, "splits": {"train": 1.0}})
