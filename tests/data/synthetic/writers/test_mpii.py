"""Written files against the drawn truth and against the readers of the official format."""

from collections import Counter

import cv2
import h5py
import numpy as np
import pytest
from scipy.io import loadmat

from posereg.data.formats import mpii
from posereg.data.synthetic.make import make
from posereg.data.synthetic.pictures import Options
from posereg.data.synthetic.scene import Setting, render
from posereg.data.synthetic.writers.mpii import NAMES, write
from posereg.skeletons.skeleton import MPII

PEOPLE, SIZE = 40, 96
OFFICIAL = "mpii_human_pose_v1_u12_1.mat"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make("mpii", tmp_path_factory.mktemp("mpii") / "set", PEOPLE, seed=5, size=SIZE)


@pytest.mark.parametrize("split", ["train", "valid"])
def test_every_joint_is_the_drawn_one(root, split):
    people = mpii.read(root, split, root / f"{split}.h5")
    assert len(people) == {"train": 32, "valid": 8}[split]
    for row in range(len(people)):
        index = int(people.extras["annolist"][row])
        joints, flags = render(5, index, Setting(size=(SIZE, SIZE))).people[0].of(MPII)
        assert np.array_equal(people.visibility[row], flags)
        labelled = flags > 0
        assert people.keypoints[row][labelled] == pytest.approx(joints[labelled], abs=0.0501)


def test_the_three_formats_say_the_same(root):
    split, official = (mpii.read(root, "valid", root / name) for name in ("valid.h5", OFFICIAL))
    truth = mpii.read(root, "valid", root / "gt_valid.mat")
    for other in (official, truth):
        assert np.array_equal(split.keypoints, other.keypoints)
        assert np.array_equal(split.visibility, other.visibility)
        assert split.boxes == pytest.approx(other.boxes, abs=1e-3)
        assert split.extras["head_size"] == pytest.approx(other.extras["head_size"])
    diagonal = np.linalg.norm(official.extras["head_box"][:, 2:] - official.extras["head_box"][:, :2], axis=1)
    assert 0.6 * diagonal == pytest.approx(25 * official.extras["scale"], rel=1e-4)


def test_the_usual_crop_holds_the_person(root):
    people = mpii.read(root, "train")
    labelled = people.visibility > 0
    low, high = people.boxes[:, None, :2], people.boxes[:, None, 2:]
    inside = ((people.keypoints >= low) & (people.keypoints <= high)).all(axis=-1)
    assert inside[labelled].mean() > 0.97


def test_the_official_file_is_as_irregular_as_the_real_one(root):
    release = loadmat(root / OFFICIAL, struct_as_record=False, squeeze_me=True)["RELEASE"]
    kinds, lacking, single = Counter(), Counter(), 0
    for image, training in zip(release.annolist, release.img_train, strict=True):
        rects = np.atleast_1d(image.annorect)
        single += not isinstance(image.annorect, np.ndarray)
        for rect in rects:
            if not training:
                assert not hasattr(rect, "annopoints")
                continue
            lacking["place"] += not np.size(rect.scale)
            lacking["joints"] += not hasattr(rect.annopoints, "point")
            if hasattr(rect.annopoints, "point"):
                for point in np.atleast_1d(rect.annopoints.point):
                    value = point.is_visible
                    kinds["empty" if not np.size(value) else type(value).__name__] += 1
    assert set(kinds) >= {"empty", "str", "float"}
    assert lacking["place"] > 0
    assert lacking["joints"] > 0
    assert single > 0
    assert len(release.single_person) == len(release.annolist) == PEOPLE + 2


def test_test_pictures_have_no_joints_and_splits_are_disjoint(root):
    with h5py.File(root / "test.h5") as file:
        assert not file["part"][:].any()
        assert (file["scale"][:] > 0).all()
        test = set(file["imgname"][:].tolist())
    names = [set(mpii.read(root, split).images) for split in ("train", "valid")]
    assert not names[0] & names[1]
    assert len(test) == 2
    assert not {f"images/{n.decode()}" for n in test} & (names[0] | names[1])


def test_pictures_are_jpegs_of_the_size_close_to_the_drawing(root):
    read = cv2.imread(str(root / "images/000000003.jpg"))[..., ::-1]
    drawn = render(5, 2, Setting(size=(SIZE, SIZE))).image
    assert np.abs(read.astype(int) - drawn).mean() < 6


def test_torso_angle_is_degrees_from_upright(root):
    with h5py.File(root / "train.h5") as file:
        part, angle = file["part"][:], file["torsoangle"][:]
    dx, dy = (part[:, 7] - part[:, 6]).T
    both = part[:, 6].any(axis=1) & part[:, 7].any(axis=1) & (dy < -1)
    assert angle[both] == pytest.approx(np.rad2deg(np.arctan(dx / -dy))[both])


@pytest.mark.parametrize(("count", "train", "valid"), [(1, 1, 0), (2, 1, 1), (10, 8, 2)])
def test_a_fifth_validates_and_a_single_person_trains(tmp_path, count, train, valid):
    counts = write(tmp_path, Options(count, size=64))
    assert counts == {"images": count + 1, "valid": valid, "train": train, "test": 1}
    assert (tmp_path / "gt_valid.mat").exists() == bool(valid)
    assert len(mpii.read(tmp_path, "train")) == train


def test_names_are_those_of_the_published_truth(root):
    """`gt_valid.mat` lists its joints in the order of MPII's skeleton: right ankle ... left wrist."""
    short = {"ankle": "ank", "knee": "kne", "hip": "hip", "wrist": "wri", "elbow": "elb", "shoulder": "sho"}
    whole = {"pelvis": "pelv", "thorax": "thor", "neck": "neck", "head_top": "head"}
    expected = [whole.get(n) or n[0] + short[n.split("_")[1]] for n in MPII.joints]
    assert list(NAMES) == expected
