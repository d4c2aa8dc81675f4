import cv2
import numpy as np
import pytest

from posereg.data.synthetic.make import make
from posereg.data.synthetic.pictures import Options
from posereg.data.synthetic.writers.h80k import SPLITS, write
from posereg.skeletons.skeleton import H80K


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make("h80k", tmp_path_factory.mktemp("h80k") / "set", 60, seed=9, size=96)


@pytest.mark.parametrize(("split", "count"), [("Train", 27), ("Val", 15)])
def test_pose_files_are_the_pelvis_relative_truth(root, split, count):
    truth = np.load(root / f"truth/{split}.npz")
    assert len(list((root / split / "IMG").glob("*.jpg"))) == count == len(truth["xyz"])
    for k, xyz in enumerate(truth["xyz"]):
        pose = np.loadtxt(root / f"{split}/POSE/{k + 1:05d}.csv", delimiter=",")
        assert pose.shape == (17, 3)
        assert not pose[0].any()
        assert pose == pytest.approx(xyz[:17] - xyz[0], abs=1e-4)


def test_the_truth_projects_onto_the_person(root):
    truth = np.load(root / "truth/Train.npz")
    for xyz, joints, (focal, cx, cy) in zip(truth["xyz"], truth["joints"], truth["camera"], strict=True):
        assert joints == pytest.approx(xyz[:, :2] / xyz[:, 2:] * focal + [cx, cy])
        assert (joints > 0).all()
        assert (joints < 95).all()
        assert xyz[17] == pytest.approx((xyz[11] + xyz[14]) / 2)


def test_each_subject_has_bones_of_its_own(root):
    truth = np.load(root / "truth/Train.npz")
    xyz, subject = truth["xyz"], truth["subject"]
    bones = np.linalg.norm(xyz - xyz[:, list(H80K.parents)], axis=-1)
    means = []
    for number in np.unique(subject):
        mine = bones[subject == number]
        limbs = [2, 3, 5, 6, 12, 13, 15, 16]
        assert np.ptp(mine[:, limbs], axis=0).max() < 1e-6
        means.append(mine.sum(axis=1).mean())
    assert len(means) == 5
    assert np.ptp(means) > 20
    assert 3900 < np.mean(means) < 4900  # the real set: 4502.9
    held = np.load(root / "truth/Val.npz")["subject"]
    assert not set(held) & set(subject)


def test_test_frames_have_no_poses(root):
    assert not (root / "Test/POSE").exists()
    assert len(list((root / "Test/IMG").glob("*.jpg"))) == 18
    assert cv2.imread(str(root / "Test/IMG/00001.jpg")).shape == (96, 96, 3)


def test_splits_have_the_published_subjects_and_shares(root):
    """Five subjects train, two validate, four test; 45, 25 and 30 % of the frames."""
    assert [len(subjects) for subjects, _ in SPLITS.values()] == [5, 2, 4]
    for split, (subjects, share) in SPLITS.items():
        drawn = np.load(root / f"truth/{split}.npz")["subject"]
        assert len(drawn) == round(60 * share)
        assert set(drawn.tolist()) <= set(subjects)


@pytest.mark.parametrize("count", [1, 2])
def test_very_small_sets_have_every_folder(tmp_path, count):
    write(tmp_path, Options(count, size=64))
    frames = [len(list((tmp_path / split / "IMG").glob("*.jpg"))) for split in SPLITS]
    assert sum(frames) == count
    assert all((tmp_path / f"truth/{split}.npz").exists() for split in SPLITS)
