import cv2
import numpy as np
import pytest

from data.formats.lsp_files import write_lsp
from posereg.data.formats import lsp
from posereg.errors import UserError


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
