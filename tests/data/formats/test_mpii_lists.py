"""The lists that stand in for MPII's official file, each against what it should hold."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import savemat

from data.formats.mpii_files import hourglass, official
from posereg.data.formats import mpii, mpii_lists
from posereg.errors import UserError
from posereg.geometry.boxes import center_size


def test_official_and_hourglass_files_give_the_same_crop(tmp_path):
    """The .h5 is adjusted already (y + 15 scale, x1.25); the .mat is not. Both must end alike."""
    official(tmp_path)
    raw = mpii.read(tmp_path, "trainval")
    joints = np.zeros((16, 2))
    joints[[0, 15, 6]] = [[11, 12], [31, 32], [41, 42]]
    hourglass(tmp_path / "train.h5", [(0, 0, "000000010.jpg", (101, 201), 2.0, joints)])
    adjusted = mpii.read(tmp_path, "train")
    assert adjusted.annotations.name == "train.h5"
    assert np.allclose(adjusted.boxes[0], raw.boxes[0])
    assert np.allclose(adjusted.extras["scale"][0], raw.extras["scale"][0])
    assert np.allclose(adjusted.extras["center"][0], raw.extras["center"][0])
    assert np.allclose(adjusted.keypoints[0, [0, 15, 6]], raw.keypoints[0, [0, 15, 6]])
    assert adjusted.ids[0] == raw.ids[0]


def test_simple_baselines_list_is_raw(tmp_path):
    joints = np.full((16, 2), -1.0)
    joints[3] = [21, 31]
    row = {"image": "000000010.jpg", "scale": 2.0, "center": [101.0, 201.0], "joints": joints.tolist(),
           "joints_vis": [int(k == 3) for k in range(16)]}  # fmt: skip
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "train.json").write_text(json.dumps([row]))
    (tmp_path / "images").mkdir()
    found = mpii.read(tmp_path, "train")
    assert found.images == ("images/000000010.jpg",)
    assert found.keypoints[0, 3].tolist() == [20, 30]
    assert (found.visibility[0] > 0).sum() == 1
    assert center_size(found.boxes)[0][0].tolist() == [100, 230]
    assert found.extras["head_size"][0] == 50


def test_hourglass_adjustment_is_taken_back(tmp_path):
    """The published file moved the centre down by 15 x scale and enlarged the scale by 1.25."""
    joints = np.full((16, 2), 7.0)
    hourglass(tmp_path / "a.h5", [(3, 1, "000000010.jpg", (101, 201), 2.0, joints)])
    people = mpii_lists.read_h5(tmp_path / "a.h5")
    assert people.scale.tolist() == [2.0]
    assert people.center.tolist() == [[101.0, 201.0]]
    assert people.head_size.tolist() == [25 * 2.0]
    assert (people.annolist[0], people.annorect[0]) == (3, 1)
    assert people.annotated.all()


def csv_list(path, header=None, cells=None):
    names = [f"joint{k}_{axis}" for k in range(16) for axis in "XY"]
    rows = cells or ["a.jpg", "1.5", *["-1"] * 30, "4", "5"]
    path.write_text(",".join(header or ["NAME", "Scale", *names]) + "\n" + ",".join(rows) + "\n")
    return path


def test_csv_joints_are_absent_at_minus_one(tmp_path):
    people = mpii_lists.read_csv(csv_list(tmp_path / "a.csv"))
    assert people.names == ["a.jpg"]
    assert people.annotated[0].nonzero()[0].tolist() == [15]
    assert people.joints[0, 15].tolist() == [4, 5]
    assert people.scale.tolist() == [1.5]
    assert np.isnan(people.center).all()  # the list has none


@pytest.mark.parametrize(
    ("header", "cells", "word"),
    [
        (["NAME", "Scale", "a_X", "a_Y"], ["a.jpg", "1", "2", "3"], "needs the columns NAME, Scale and 16"),
        (None, ["a.jpg", "tall", *["1"] * 32], "could not convert string"),
    ],
)
def test_csv_that_does_not_fit(tmp_path, header, cells, word):
    with pytest.raises(UserError, match=word):
        mpii_lists.read_csv(csv_list(tmp_path / "a.csv", header, cells))


def truth_file(path, corners):
    """gt_valid.mat of len(corners) people; every joint at (5, 6), the first one missing."""
    count = len(corners)
    missing = np.zeros((16, count))
    missing[0] = 1
    savemat(path, {
        "pos_gt_src": np.tile(np.array([5.0, 6.0])[None, :, None], (16, 1, count)),
        "jnt_missing": missing,
        "headboxes_src": np.array(corners, dtype=float).transpose(1, 2, 0),
    })  # fmt: skip
    return path


def test_head_size_is_six_tenths_of_the_head_boxs_diagonal(tmp_path):
    boxes = [[[1, 2], [31, 42]], [[0, 0], [6, 8]]]
    people = mpii_lists.read_ground_truth(truth_file(tmp_path / "gt_valid.mat", boxes))
    assert people.head_size.tolist() == pytest.approx([0.6 * 50, 0.6 * 10])
    assert people.head_box[0].tolist() == [1, 2, 31, 42]
    assert people.annotated[:, 0].tolist() == [False, False]
    assert people.annotated[:, 1:].all()
    assert people.scale.tolist() == pytest.approx([30 / 25, 6 / 25])  # from the head: no list lies beside


def test_a_list_beside_the_truth_must_have_as_many_people(tmp_path):
    truth = truth_file(tmp_path / "gt_valid.mat", [[[1, 2], [31, 42]]] * 2)
    rows = [(0, 0, "a.jpg", (10, 20), 1.0, np.ones((16, 2)))]
    hourglass(tmp_path / "valid.h5", rows)
    with pytest.raises(UserError, match=r"2 people, but valid\.h5 beside it has 1"):
        mpii_lists.read_ground_truth(truth)
    hourglass(tmp_path / "valid.h5", [rows[0], (4, 2, "b.jpg", (1, 2), 3.0, np.ones((16, 2)))])
    people = mpii_lists.read_ground_truth(truth)
    assert people.names == ["a.jpg", "b.jpg"]
    assert people.joints[1, 3].tolist() == [5, 6]  # the truth's joints, the list's images
    assert people.center[1].tolist() == pytest.approx([1, 2])


def test_people_are_picked_by_number_or_mask_and_joined_again(tmp_path):
    rows = [(k, 0, f"{k}.jpg", (k, k), 1.0 + k, np.full((16, 2), k + 1.0)) for k in range(4)]
    hourglass(tmp_path / "a.h5", rows)
    everyone = mpii_lists.read_h5(tmp_path / "a.h5")
    some = everyone.rows([3, 1])
    assert some.names == ["3.jpg", "1.jpg"]
    assert some.scale.tolist() == [4, 2]
    assert everyone.rows(np.array([False, True, False, True])).names == ["1.jpg", "3.jpg"]
    both = mpii_lists.join([everyone.rows([0, 1]), everyone.rows([2, 3])])
    assert both.names == everyone.names
    np.testing.assert_array_equal(both.joints, everyone.joints)
    np.testing.assert_array_equal(both.head_size, everyone.head_size)
    unsized = replace(some, head_size=None)
    assert mpii_lists.join([everyone, unsized]).head_size is None


def test_columns_of_another_length_are_refused(tmp_path):
    hourglass(tmp_path / "a.h5", [(0, 0, "a.jpg", (1, 1), 1.0, np.ones((16, 2)))])
    with pytest.raises(ValueError, match="scale has shape"):
        replace(mpii_lists.read_h5(tmp_path / "a.h5"), scale=np.ones(3))
