"""The MPII file is read back the way the official toolkit reads it; the COCO file by pycocotools."""

import contextlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from scipy.io import loadmat

from posereg.data.formats import coco, mpii
from posereg.data.synthetic.make import make
from posereg.errors import UserError
from posereg.predict.submission_2d import MPII_FILE, write_coco, write_mpii
from posereg.records.predictions import Predictions
from tiny import data_set


@pytest.fixture(scope="module")
def mpii_root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mpii")
    make("mpii", folder / "set", 60, seed=3, size=64)
    return folder / "set"


def random_predictions(poses, seed=0):
    rng = np.random.default_rng(seed)
    count, joints = poses.visibility.shape
    return Predictions(
        ids=poses.ids,
        image_ids=poses.image_ids[poses.person_image],
        keypoints=rng.uniform(0, 500, (count, joints, 2)).astype(np.float32),
        keypoint_scores=rng.uniform(0, 1, (count, joints)).astype(np.float32),
        scores=rng.uniform(0, 1, count).astype(np.float32),
    )


def structures(value):
    return [item for item in np.atleast_1d(value).ravel() if hasattr(item, "_fieldnames")]


def toolkit_matrix(pred, single_person):
    """flatten_annolist.m and annolist2matrix.m: every listed rectangle with an objpos, its 14 joints in their order."""
    columns = []
    for image, listed in zip(pred, single_person, strict=True):
        for number, rect in enumerate(structures(image.annorect), start=1):
            if not structures(rect.objpos) or number not in np.atleast_1d(listed):
                continue
            points = {int(p.id): (p.x, p.y) for p in structures(rect.annopoints.point)}
            matrix = np.array([points.get(k, (np.nan, np.nan)) for k in range(16)])
            columns.append(np.concatenate([matrix[0:6], matrix[10:16], matrix[8:10]]))
    return np.array(columns)


def test_the_toolkit_reads_the_mpii_file(mpii_root, tmp_path):
    poses = mpii.read(mpii_root, "test")
    predictions = random_predictions(poses)
    shuffled = predictions.rows(np.random.default_rng(1).permutation(len(poses)))
    assert write_mpii(poses, shuffled, tmp_path) == len(poses) == 3

    options = {"struct_as_record": False, "squeeze_me": True}
    release = loadmat(poses.annotations, variable_names="RELEASE", **options)["RELEASE"]
    test = np.flatnonzero(np.atleast_1d(release.img_train) == 0)
    pred = np.atleast_1d(loadmat(tmp_path / MPII_FILE, **options)["pred"])
    assert [image.image.name for image in pred] == [release.annolist[k].image.name for k in test]
    matrix = toolkit_matrix(pred, [release.single_person[k] for k in test])
    wanted = predictions.keypoints[:, [*range(6), *range(10, 16), 8, 9]].astype(np.float64) + 1
    np.testing.assert_array_equal(matrix, wanted)
    # Everything the annotations say is kept, and nobody beside the listed people has a pose.
    posed = 0
    for image, k in zip(pred, test, strict=True):
        old = structures(release.annolist[k].annorect)
        assert len(old) == len(structures(image.annorect))
        for before, after in zip(old, structures(image.annorect), strict=True):
            assert (before.scale == after.scale) or (np.size(before.scale) == np.size(after.scale) == 0)
            posed += bool(structures(after.annopoints))
    assert posed == len(poses)


def test_mpii_needs_the_official_file_and_everybody(mpii_root, tmp_path):
    poses = mpii.read(mpii_root, "test")
    predictions = random_predictions(poses)
    with pytest.raises(UserError, match="1 of the"):
        write_mpii(poses, predictions.rows(np.arange(1, len(poses))), tmp_path)
    other = mpii.read(mpii_root, "valid", "valid.h5")
    with pytest.raises(UserError, match="official"):
        write_mpii(other, random_predictions(other), tmp_path)
    train = mpii.read(mpii_root, "train", poses.annotations)
    with pytest.raises(UserError, match="not a test image"):
        write_mpii(train, random_predictions(train), tmp_path)
    assert not list(tmp_path.iterdir())


def test_pycocotools_loads_the_coco_file(tmp_path):
    poses = coco.read(data_set("coco"), "val2017")
    predictions = replace(random_predictions(poses), ids=np.full(len(poses), -1))
    assert write_coco(poses, predictions, tmp_path) == len(poses)
    (file,) = tmp_path.iterdir()
    assert file.name == "person_keypoints_val2017_posereg_results.json"
    with contextlib.redirect_stdout(io.StringIO()):
        loaded = COCO(str(poses.annotations)).loadRes(str(file))
    assert len(loaded.anns) == len(poses)
    rows = json.loads(file.read_text())
    written = np.array([row["keypoints"] for row in rows]).reshape(-1, 17, 3)
    np.testing.assert_allclose(written[..., :2], predictions.keypoints, atol=0.0051)
    np.testing.assert_allclose([row["score"] for row in rows], predictions.scores, rtol=1e-6)
