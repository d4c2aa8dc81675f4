"""Human3.6M in COCO's format: real frames, and files that do not fit."""

from dataclasses import replace

import numpy as np
import pytest

from data.made import crowded
from posereg import config as configs
from posereg.data.formats import h36m
from posereg.errors import UserError
from posereg.geometry.boxes import center_size
from shared import shared


def test_real_h36m_frames():
    found = h36m.read(shared("data/h36m"))
    assert found.extras["action"].tolist() == ["Directions", "SittingDown", "Greeting", "WalkDog"]
    assert all((found.root / name).exists() for name in found.images)
    center, size = center_size(found.boxes)
    published = 403.4372  # of the first frame, padded by 1.2
    assert size[0].max() == pytest.approx(published * 1.25 / 1.2, abs=0.01)
    assert center[0] == pytest.approx([466.656, 465.670], abs=0.01)


def test_real_h36m_camera_axes_project_onto_the_joints():
    """A pinhole camera (focal length and centre fitted) takes the camera-axes joints to the labelled pixels, right
    hip to right hip; and their bones are those of the world-axes joints."""
    found = h36m.read(shared("data/h36m"))
    xyz, points = found.extras["camera_xyz"][:, :17].astype(float), found.keypoints[:, :17].astype(float)
    for frame, seen in zip(xyz, points, strict=True):
        ray = frame[:, :2] / frame[:, 2:]
        for axis in range(2):
            design = np.stack([ray[:, axis], np.ones(17)], axis=1)
            (focal, _), residual, *_ = np.linalg.lstsq(design, seen[:, axis], rcond=None)
            assert focal == pytest.approx(1146, rel=0.01)  # Human3.6M's cameras: 1143 to 1150 pixels
            assert np.sqrt(residual[0] / 17) < 1.5


def test_real_h36m_left_and_right_agree():
    """Whichever way a person faces, hips and shoulders agree on which side of the picture the left is."""
    found = h36m.read(shared("data/h36m"))
    names = found.skeleton.joints
    side = {
        n: found.keypoints[:, names.index(n), 0]
        for n in ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    }
    hips, shoulders = side["left_hip"] - side["right_hip"], side["left_shoulder"] - side["right_shoulder"]
    assert (np.sign(hips) == np.sign(shoulders)).all()


def test_h36m_without_cameras(tmp_path):
    source = shared("data/h36m/h36m_coco.json")
    (tmp_path / "h36m_coco.json").write_bytes(source.read_bytes())
    with pytest.raises(UserError, match="no camera-axes joints"):
        h36m.read(tmp_path)


def test_images_lie_in_the_folder_of_their_sequence():
    assert h36m._location("S1_Directions_1.54138969_000001.jpg") == (
        "S1/S1_Directions_1.54138969/S1_Directions_1.54138969_000001.jpg"
    )
    assert h36m._location("elsewhere/a_000001.jpg") == "elsewhere/a_000001.jpg"
    assert h36m._action("S9/S9_Phoning_1/S9_Phoning 1.60457274_000001.jpg") == "Phoning"
    assert h36m._action("frame.jpg") == "unknown"


def test_weak_perspective_scale_is_the_least_squares_one():
    """Points shrunk by a known factor and moved: the factor comes back, whatever the depths are."""
    rng = np.random.default_rng(0)
    relative = rng.normal(0, 300, (4, 18, 3))
    scales = np.array([0.1, 0.25, 0.5, 2.0])
    points = relative[..., :2] * scales[:, None, None] + rng.uniform(0, 500, (4, 1, 2))
    assert h36m._pixels_per_mm(points, relative) == pytest.approx(scales)


def test_real_splits_are_other_people():
    """The shared frames are of S1, S5, S7 and S8: all of train, none of val."""
    root = shared("data/h36m")
    assert len(h36m.read(root, "train")) == 4
    with pytest.raises(UserError, match="no frame of val, subjects S9, S11; it has S1, S5, S7, S8"):
        h36m.read(root, "val")
    with pytest.raises(UserError, match="no split 'valid', did you mean 'val'"):
        h36m.read(root, "valid")


def test_a_split_is_its_subjects_frames(tmp_path):
    made = crowded(tmp_path)  # three people on the first of two images, one on the second
    images = ("S9/S9_Eating_1/S9_Eating_1_000001.jpg", "S1/S1_Eating_1/S1_Eating_1_000001.jpg")
    found = {split: h36m._of_subjects(replace(made, images=images), split) for split in h36m.SUBJECTS}
    assert {split: len(one) for split, one in found.items()} == {"val": 3, "train": 1}
    assert found["val"].images == images[:1]
    with pytest.raises(UserError, match=r"image .frame\.jpg. names no subject"):
        h36m._of_subjects(replace(made, images=(images[0], "frame.jpg")), "val")


def test_training_and_validation_are_split_by_default():
    data = configs.plain(configs.compose(["data=h36m", "method=volume", "loader=mixed"]))["data"]
    assert (data["train_split"], data["val_split"]) == ("train", "val")
