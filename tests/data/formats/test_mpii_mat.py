"""MPII's official file with all its irregularities."""

import numpy as np
import pytest
from scipy.io import savemat

from data.formats.mpii_files import hourglass, official
from posereg.data.formats import mpii, mpii_mat
from posereg.errors import UserError
from posereg.geometry.boxes import center_size


def test_official_file_with_all_its_irregularities(tmp_path):
    official(tmp_path / "annotations")
    found = mpii.read(tmp_path, "trainval")
    assert found.images == ("000000010.jpg", "000000020.jpg")
    assert found.image_ids.tolist() == [10, 20]
    assert found.extras["annolist"].tolist() == [0, 1]
    assert found.extras["annorect"].tolist() == [0, 1]  # the person without scale is passed over
    assert found.ids.tolist() == [0, 101]
    visible = {0: 2, 9: 2, 15: 1, 6: 1}
    assert {k: int(v) for k, v in enumerate(found.visibility[0]) if v} == visible
    assert found.keypoints[0, 0].tolist() == [10, 11]
    assert found.keypoints[0, 9].tolist() == [-1, -4]  # annotated although outside the image
    assert {k: int(v) for k, v in enumerate(found.visibility[1]) if v} == {9: 1}
    assert found.extras["head_size"].tolist() == pytest.approx([0.6 * 50, 0.6 * 5])
    assert found.extras["head_box"][0].tolist() == [10, 20, 40, 60]
    center, size = center_size(found.boxes)
    assert center[0].tolist() == [100, 200 + 15 * 2]
    assert size[0].tolist() == [500, 500]  # 200 * 1.25 * 2


def test_test_split_is_the_single_person_lists_of_test_images(tmp_path):
    official(tmp_path)
    found = mpii.read(tmp_path, "test")
    assert list(zip(found.extras["annolist"], found.extras["annorect"], strict=True)) == [(2, 1), (3, 0)]
    assert (found.visibility == 0).all()
    assert found.extras["scale"].tolist() == [3, 3]
    assert np.isnan(found.extras["head_box"]).all()


def test_standard_split_of_the_official_file_needs_its_list(tmp_path):
    official(tmp_path)
    with pytest.raises(UserError, match=r"defined by valid\.h5"):
        mpii.read(tmp_path, "valid")
    joints = np.zeros((16, 2))
    hourglass(tmp_path / "valid.h5", [(1, 1, "000000020.jpg", (51, 61), 1.0, joints)])
    found = mpii.read(tmp_path, "valid", annotations=mpii.OFFICIAL)
    assert found.ids.tolist() == [101]
    assert found.keypoints[0, 9].tolist() == [6, 7]


def test_the_two_kinds_of_mat_file_are_told_apart(tmp_path):
    official(tmp_path)
    assert mpii_mat.is_official(tmp_path / mpii.OFFICIAL)
    savemat(tmp_path / "gt_valid.mat", {"pos_gt_src": np.zeros(3)})
    assert not mpii_mat.is_official(tmp_path / "gt_valid.mat")


def test_a_listed_person_without_place_is_left_out_and_the_others_keep_their_order(tmp_path):
    """Image 20 holds: no scale, one point, no points. The list names the first and the second."""
    official(tmp_path)
    joints = np.zeros((16, 2))
    hourglass(
        tmp_path / "train.h5",
        [(1, 1, "000000020.jpg", (51, 61), 1.0, joints), (1, 0, "000000020.jpg", (1, 1), 1.0, joints),
         (0, 0, "000000010.jpg", (101, 201), 2.0, joints)],
    )  # fmt: skip
    people = mpii_mat.read_official(tmp_path / mpii.OFFICIAL, "train")
    assert people.names == ["000000020.jpg", "000000010.jpg"]
    assert people.annorect.tolist() == [1, 0]
    assert people.scale.tolist() == [1.0, 2.0]


def test_a_release_without_its_fields_is_one_line(tmp_path):
    savemat(tmp_path / "broken.mat", {"RELEASE": {"version": "12"}})
    with pytest.raises(UserError, match=r"broken\.mat: not the official MPII annotations"):
        mpii_mat.read_official(tmp_path / "broken.mat", "trainval")
