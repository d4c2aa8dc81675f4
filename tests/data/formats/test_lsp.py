import cv2
import numpy as np
import pytest
from scipy.io import savemat

from posereg.data.formats import lsp, lspet
from posereg.errors import UserError
from shared import shared


def write_lsp(root, count=6):
    rng = np.random.default_rng(0)
    joints = np.zeros((3, 14, count))
    joints[:2] = rng.uniform(10, 90, (2, 14, count))
    joints[2, 4, 1] = 1  # occluded
    savemat(root / "joints.mat", {"joints": joints})
    return joints


def test_lsp_flag_means_occluded_and_coordinates_are_one_based(tmp_path):
    joints = write_lsp(tmp_path)
    found = lsp.read(tmp_path, "a", ranges={"a": (2, 4)})
    assert found.images == ("im0002.jpg", "im0003.jpg", "im0004.jpg")
    assert found.ids.tolist() == [2, 3, 4]
    assert np.allclose(found.keypoints, joints[:2, :, 1:4].transpose(2, 1, 0) - 1)
    assert found.visibility[0].tolist() == [1 if k == 4 else 2 for k in range(14)]
    assert (found.visibility[1:] == 2).all()
    torso = np.linalg.norm(joints[:2, 9, 1] - joints[:2, 2, 1])
    assert found.extras["torso"][0] == pytest.approx(torso)


def test_lspet_flag_means_labelled(tmp_path):
    rng = np.random.default_rng(0)
    joints = np.ones((14, 3, 3))
    joints[:, :2] = rng.uniform(10, 90, (14, 2, 3))
    joints[2, :, 0] = [-26, 0, 0]
    savemat(tmp_path / "joints.mat", {"joints": joints})
    found = lspet.read(tmp_path, "train", ranges={"train": (1, 3)})
    assert found.images[0] == "im00001.jpg"
    assert found.visibility[0].tolist() == [0 if k == 2 else 2 for k in range(14)]
    assert np.isnan(found.extras["torso"][0])  # right hip missing
    assert np.isfinite(found.extras["torso"][1:]).all()
    assert (found.keypoints[0, 2] == 0).all()
    labelled = np.delete(found.keypoints[0], 2, axis=0)
    side = (labelled.max(axis=0) - labelled.min(axis=0)) * 1.25
    size = found.boxes[0, 2:] - found.boxes[0, :2]
    assert size == pytest.approx(side, rel=1e-5)


def test_layouts_are_told_apart(tmp_path):
    write_lsp(tmp_path, 20)
    with pytest.raises(UserError, match=r"LSP is \(3, 14, N\), LSP Extended \(14, 3, N\)"):
        lspet.read(tmp_path, "train")


def test_ranges_that_do_not_fit_are_named(tmp_path):
    write_lsp(tmp_path, 6)
    with pytest.raises(UserError, match=r"holds 6; set data\.reader\.ranges\.train"):
        lsp.read(tmp_path, "train")
    with pytest.raises(UserError, match="no split 'tran', did you mean 'train'"):
        lsp.read(tmp_path, "tran")


def test_square_crop_about_the_middle_of_the_image(tmp_path):
    write_lsp(tmp_path)
    cv2.imwrite(str(tmp_path / "im0001.jpg"), np.zeros((100, 60, 3), np.uint8))
    found = lsp.read(tmp_path, "all", ranges={"all": (1, 1)}, crop=178)
    # Pixel centres are whole numbers, so the middle of 60 x 100 pixels is (29.5, 49.5).
    assert found.boxes.tolist() == [[29.5 - 89, 49.5 - 89, 29.5 + 89, 49.5 + 89]]


def test_whole_image_crop_needs_no_joints(tmp_path):
    write_lsp(tmp_path, 2)
    for name, size in (("im0001.jpg", (50, 80)), ("im0002.jpg", (70, 30))):
        cv2.imwrite(str(tmp_path / name), np.zeros((size[1], size[0], 3), np.uint8))
    found = lsp.read(tmp_path, "all", ranges={"all": (1, 2)}, crop="image")
    assert found.boxes.tolist() == [[-0.5, -0.5, 49.5, 79.5], [-0.5, -0.5, 69.5, 29.5]]


def test_real_lspet():
    root = shared("data/lspet")
    train = lspet.read(root, "train", ranges={"train": (1, 2500)})
    val = lspet.read(root, "val", ranges={"val": (2501, 3000)})
    assert (len(train), len(val)) == (2500, 500)
    assert val.images[0] == "images/im02501.jpg"
    present = (train.visibility > 0).mean(axis=0)
    assert present.min() > 0.75
    assert present.max() < 1
    assert train.image_path(0).exists()
    # The first image's first joint is absent, its second lies at (26.03, 86.41) in MATLAB's pixels.
    assert train.visibility[0, 0] == 0
    assert train.keypoints[0, 1] == pytest.approx([25.031, 85.410], abs=1e-3)
