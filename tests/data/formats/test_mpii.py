import json

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from posereg.data.formats import mpii
from posereg.errors import UserError
from posereg.geometry.boxes import center_size
from shared import shared

ORACLE = "detections_our_format.mat"


def struct(**fields):
    return fields


def point(joint, x, y, **flags):
    return struct(x=float(x), y=float(y), id=float(joint), **flags)


def many(items):
    """A MATLAB structure array whose elements lack some fields is one with empty fields."""
    names = list(dict.fromkeys(name for item in items for name in item))
    array = np.empty((1, len(items)), dtype=[(name, object) for name in names])
    for k, item in enumerate(items):
        for name in names:
            array[0, k][name] = item.get(name, np.zeros((0, 0)))
    return array


def official(folder):
    """Five images with every irregularity of the published file."""
    full = struct(
        x1=11.0, y1=21.0, x2=41.0, y2=61.0, scale=2.0, objpos=struct(x=101.0, y=201.0),
        annopoints=struct(point=many([point(0, 11, 12, is_visible="1"), point(9, 0, -3, is_visible=1.0),
                                      point(15, 31, 32, is_visible="0"), point(6, 41, 42)])),
    )  # fmt: skip
    one_point = struct(
        x1=1.0, y1=1.0, x2=4.0, y2=5.0, scale=1.0, objpos=struct(x=51.0, y=61.0),
        annopoints=struct(point=point(9, 7, 8, is_visible=np.zeros((0, 0)))),
    )  # fmt: skip
    no_scale = struct(x1=1.0, y1=1.0, x2=4.0, y2=5.0, annopoints=struct(point=point(3, 5, 5, is_visible=1.0)))
    no_points = struct(x1=1.0, y1=1.0, x2=4.0, y2=5.0, scale=1.5, objpos=struct(x=9.0, y=9.0))
    test_person = struct(scale=3.0, objpos=struct(x=71.0, y=81.0))
    images = [
        struct(image=struct(name="000000010.jpg"), annorect=full),
        struct(image=struct(name="000000020.jpg"), annorect=many([no_scale, one_point, no_points])),
        struct(image=struct(name="000000030.jpg"), annorect=many([test_person, test_person])),
        struct(image=struct(name="000000040.jpg"), annorect=test_person),
        struct(image=struct(name="000000050.jpg"), annorect=np.zeros((0, 0))),
    ]
    single = np.empty((5, 1), dtype=object)
    single[:] = [[1.0], [np.array([[1.0, 2.0]])], [2.0], [1.0], [np.zeros((0, 0))]]
    release = struct(
        annolist=many(images),
        img_train=np.array([[1, 1, 0, 0, 1]], dtype=np.uint8),
        single_person=single,
        version="12",
    )
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / mpii.OFFICIAL, {"RELEASE": release})


def hourglass(path, rows):
    """Rows of (image, person, name, center, scale raw, joints 1-based or None)."""
    with h5py.File(path, "w") as file:
        file["imgname"] = np.array([row[2] for row in rows], dtype="S13")
        file["index"] = np.array([float(row[0]) for row in rows])
        file["person"] = np.array([float(row[1]) for row in rows])
        scale = np.array([row[4] for row in rows])
        center = np.array([row[3] for row in rows], dtype=float)
        file["center"] = center + np.stack([0 * scale, 15 * scale], axis=1)
        file["scale"] = 1.25 * scale
        file["normalize"] = 25 * scale
        file["part"] = np.stack([row[5] for row in rows])
        file["visible"] = (np.stack([row[5] for row in rows]) != 0).any(axis=2).astype(float)


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
