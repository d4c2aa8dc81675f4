import json

import h5py
import numpy as np
import pytest

from posereg.data.formats import mpii
from posereg.errors import UserError
from posereg.geometry.boxes import center_size
from shared import shared

ORACLE = "detections_our_format.mat"


def test_real_ground_truth_and_hourglass_list_agree():
    """2,958 people, 44,240 joints; 0.6 x head diagonal = normalize = 25 x raw scale."""
    root = shared("data/mpii")
    truth, listed = mpii.read(root, "valid"), mpii.read(root, "valid", annotations="valid.h5")
    assert truth.annotations.name == ORACLE
    assert len(truth) == len(listed) == mpii.COUNTS["valid"]
    assert len(truth.images) == 2729
    assert (truth.visibility > 0).sum() == 16 * 2958 - 3088
    assert ((truth.visibility > 0) == (listed.visibility > 0)).all()
    assert (truth.visibility == 1).sum() == 10243
    moved = np.abs(truth.keypoints - listed.keypoints).max(axis=2) > 1
    assert moved.sum() < 50  # integers there, and a few joints that differ in earnest
    assert np.abs(truth.extras["head_size"] - listed.extras["head_size"]).max() < 1e-4
    assert np.abs(truth.extras["head_size"] - 25 * listed.extras["scale"]).max() < 1e-4
    assert truth.ids.tolist() == listed.ids.tolist()


def test_real_first_row_is_adjusted_once():
    """Image 005808361.jpg, raw scale 4.718488, objpos (966, 340)."""
    found = mpii.read(shared("data/mpii"), "valid", annotations="valid.h5")
    assert found.images[0] == "images/005808361.jpg"
    assert found.extras["center"][0] == pytest.approx([965, 339], abs=1e-3)
    assert found.extras["scale"][0] == pytest.approx(4.718488, abs=1e-6)
    center, size = center_size(found.boxes)
    assert center[0] == pytest.approx([965, 339 + 15 * 4.718488], abs=1e-3)
    assert size[0] == pytest.approx([250 * 4.718488] * 2, abs=1e-3)


def test_ground_truth_without_image_list_still_scores(tmp_path):
    source = shared(f"data/mpii/annotations/{ORACLE}")
    (tmp_path / "gt_valid.mat").write_bytes(source.read_bytes())
    found = mpii.read(tmp_path, "valid")
    assert len(found) == len(found.images) == 2958
    _, size = center_size(found.boxes)
    assert np.abs(size[:, 0] - 10 * found.extras["head_size"]).max() < 1e-2


def test_real_training_people():
    found = mpii.read(shared("data/mpii"), "train")
    assert (len(found), len(found.images)) == (1908, 1287)
    inside = (found.keypoints >= found.boxes[:, None, :2]) & (found.keypoints <= found.boxes[:, None, 2:])
    assert inside.all(axis=2)[found.visibility > 0].mean() > 0.99


@pytest.mark.parametrize(
    ("name", "content"),
    [("valid.h5", b"no"), ("valid.json", b'{"a": 1}'), ("gt_valid.mat", b"no"), ("valid.csv", b"a,b\n1,2\n")],
)
def test_foreign_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name.replace(".", r"\.")):
        mpii.read(tmp_path, "valid", annotations=name)


def test_missing_folder_split_and_file(tmp_path):
    with pytest.raises(UserError, match=r"no such data folder.*data\.root"):
        mpii.read(tmp_path / "none", "train")
    with pytest.raises(UserError, match="no annotations found; expected train"):
        mpii.read(tmp_path, "train")
    with pytest.raises(UserError, match="no split 'val'"):
        mpii.read(tmp_path, "val")


@pytest.mark.parametrize(
    ("file", "marks"), [("valid.h5", True), ("valid.json", False), ("valid_people.csv", False)]
)
def test_which_lists_tell_occluded_joints_from_visible_ones(tmp_path, file, marks):
    joints = [[5.0, 5.0]] * 16
    if file.endswith(".h5"):
        with h5py.File(tmp_path / file, "w") as content:
            content["part"], content["visible"] = np.array([joints]), np.array([[1.0, 0.0] * 8])
            content["imgname"] = np.array([b"a.jpg"])
            content["scale"], content["center"] = np.ones(1), np.full((1, 2), 30.0)
            content["index"], content["person"] = np.zeros(1), np.zeros(1)
    elif file.endswith(".json"):
        row = {"image": "a.jpg", "center": [30, 30], "scale": 1.0, "joints": joints, "joints_vis": [1] * 16}
        (tmp_path / file).write_text(json.dumps([row]))
    else:
        columns = ",".join(f"j{k}_X,j{k}_Y" for k in range(16))
        (tmp_path / file).write_text(f"NAME,Scale,{columns}\na.jpg,1.0,{','.join(['5'] * 32)}\n")
    found = mpii.read(tmp_path, "valid")
    assert found.marks_occlusion is marks
    assert (found.visibility == 1).any() == marks
    assert found.people([0]).marks_occlusion is marks
