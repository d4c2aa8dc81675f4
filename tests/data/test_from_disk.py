"""Every reader on the generator's files in the official format, and every image looked at."""

import numpy as np
import pytest

from posereg.data.formats import coco, crowdpose, h80k, lsp, lspet, mpii
from posereg.data.sources.check import check
from posereg.data.synthetic.make import make

READERS = {
    "mpii": (mpii.read, ("train", "valid", "trainval", "test"), {}),
    "lsp": (lsp.read, ("all",), {"ranges": {"all": (1, 10)}}),
    "lspet": (lspet.read, ("all",), {"ranges": {"all": (1, 10)}}),
    "coco": (coco.read, ("train2017", "val2017"), {}),
    "crowdpose": (crowdpose.read, ("train", "val"), {}),
    "h80k": (h80k.read, ("train", "val", "test"), {}),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Folders by kind, each made once."""
    made = {}

    def folder(kind):
        if kind not in made:
            made[kind] = make(kind, tmp_path_factory.mktemp("made") / kind, 10, size=96)
        return made[kind]

    return folder


@pytest.mark.parametrize("kind", READERS)
def test_splits_are_read_and_sound(written, kind):
    read, splits, options = READERS[kind]
    for split in splits:
        poses = read(written(kind), split, **options)
        assert len(poses) > 0
        report = check(poses)
        assert report.good, report.lines()
        if split != "test" and kind != "h80k":
            assert (poses.visibility > 0).sum(axis=1).min() >= 1


def test_mpii_formats_agree(written):
    """Official file, hourglass list and ground truth describe the same people."""
    root = written("mpii")
    listed = mpii.read(root, "valid", annotations="valid.h5")
    for file in (mpii.OFFICIAL, "gt_valid.mat"):
        other = mpii.read(root, "valid", annotations=file)
        assert other.ids.tolist() == listed.ids.tolist()
        assert other.images == listed.images
        assert np.allclose(other.boxes, listed.boxes, atol=1e-3)
        assert np.allclose(other.extras["head_size"], listed.extras["head_size"], rtol=1e-5)
        both = (other.visibility > 0) & (listed.visibility > 0)
        assert both.sum() >= 0.98 * (other.visibility > 0).sum()
        assert np.abs(other.keypoints - listed.keypoints)[both].max() <= 0.51  # the list holds whole pixels
    everyone = mpii.read(root, "trainval")
    assert set(listed.ids.tolist()) <= set(everyone.ids.tolist())
