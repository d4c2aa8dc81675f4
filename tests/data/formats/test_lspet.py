"""LSP Extended: its flag, its layout, and the real file."""

import numpy as np
import pytest
from scipy.io import savemat

from data.formats.lsp_files import write_lsp
from posereg.data.formats import lspet
from posereg.errors import UserError
from shared import shared


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


def test_default_splits_are_nine_thousand_and_the_last_thousand():
    assert lspet.RANGES == {"train": (1, 9000), "val": (9001, 10000), "all": (1, 10000)}


def test_coordinates_are_one_based_and_the_flag_cuts_at_a_half(tmp_path):
    joints = np.ones((14, 3, 2))
    joints[:, :2] = 41.0
    joints[3, 2, 0], joints[4, 2, 0] = 0.0, 0.75
    savemat(tmp_path / "joints.mat", {"joints": joints})
    people = lspet.read(tmp_path, "all", ranges={"all": (1, 2)})
    assert people.keypoints[1].tolist() == [[40, 40]] * 14
    assert people.visibility[0, [3, 4]].tolist() == [0, 2]
    assert people.images == ("im00001.jpg", "im00002.jpg")
