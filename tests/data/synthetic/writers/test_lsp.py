import pytest
from scipy.io import loadmat

from posereg.data.formats import lsp, lspet
from posereg.data.synthetic.make import make
from posereg.data.synthetic.scene import HIDDEN, OUTSIDE
from posereg.data.synthetic.scene import render as render_scene
from posereg.data.synthetic.writers.lsp import EXTENDED, WHOLE, sized
from posereg.skeletons.skeleton import LSP

RANGES = {"train": (1, 12), "test": (13, 24)}


def test_lsp_reads_back_as_drawn(tmp_path):
    root = make("lsp", tmp_path / "lsp", 24, seed=2, size=96)
    assert loadmat(root / "joints.mat")["joints"].shape == (3, 14, 24)
    people = lsp.read(root, "test", ranges=RANGES)
    assert people.images[0] == "images/im0013.jpg"
    for row in range(len(people)):
        joints, flags = render_scene(2, 12 + row, sized(WHOLE, 96)).people[0].of(LSP)
        assert people.keypoints[row] == pytest.approx(joints, abs=1e-4)
        assert (people.visibility[row] == 1).tolist() == (flags == HIDDEN).tolist()
        assert (flags != OUTSIDE).all()


def test_lspet_marks_what_is_labelled(tmp_path):
    root = make("lspet", tmp_path / "lspet", 24, seed=2, size=96)
    raw = loadmat(root / "joints.mat")["joints"]
    assert raw.shape == (14, 3, 24)
    absent = raw[:, 2] == 0
    assert 0.02 < absent.mean() < 0.3
    assert (raw[:, :2].transpose(0, 2, 1)[absent] < 0).all()
    people = lspet.read(root, "train", ranges=RANGES)
    assert people.images[0] == "images/im00001.jpg"
    for row in range(len(people)):
        joints, flags = render_scene(2, row, sized(EXTENDED, 96)).people[0].of(LSP)
        labelled = people.visibility[row] > 0
        assert people.keypoints[row][labelled] == pytest.approx(joints[labelled], abs=1e-4)
        assert not labelled[flags == OUTSIDE].any()
        assert labelled[flags == 2].all()
