import numpy as np
import pytest

from evaluation.sets import pose_set, predict
from posereg.errors import UserError
from posereg.evaluation.align import align
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import LSP, MPII

COLUMNS = ("ids", "image_ids", "keypoints", "keypoint_scores", "scores")


def pick(found, rows):
    return Predictions(*(getattr(found, name)[rows] for name in COLUMNS))


@pytest.fixture
def poses(tmp_path):
    return pose_set(MPII, np.arange(5 * 32).reshape(5, 16, 2), tmp_path / "a")


def test_predictions_come_back_in_the_order_of_the_people(poses):
    order = np.array([3, 0, 4, 1])
    aligned = align(poses, pick(predict(poses, poses.keypoints), order))
    assert np.array_equal(aligned.keypoints[[0, 1, 3, 4]], poses.keypoints[[0, 1, 3, 4]])
    assert np.isnan(aligned.keypoints[2]).all()
    assert (aligned.missing, aligned.unknown) == (1, 0)


def test_people_of_another_set_are_left_out(poses):
    aligned = align(poses.people([4, 2]), predict(poses, poses.keypoints))
    assert np.array_equal(aligned.keypoints, poses.keypoints[[4, 2]])
    assert (aligned.missing, aligned.unknown) == (0, 3)


def test_predictions_that_cannot_fit_are_refused(poses, tmp_path):
    good = predict(poses, poses.keypoints)
    other = pose_set(LSP, np.zeros((5, 14, 2)), tmp_path / "b")
    with pytest.raises(UserError, match=r"5 x 14 x 2 .* 16 joints"):
        align(poses, predict(other, other.keypoints))
    with pytest.raises(UserError, match="person 101 has 2 predictions"):
        align(poses, pick(good, [0, 1, 1]))
    with pytest.raises(UserError, match="not tied"):
        align(poses, Predictions(np.full(5, -1), *(getattr(good, name) for name in COLUMNS[1:])))
    with pytest.raises(UserError, match="none of the 5"):
        align(poses, Predictions(good.ids + 1000, *(getattr(good, name) for name in COLUMNS[1:])))
