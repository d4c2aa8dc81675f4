from dataclasses import replace

import numpy as np
import pytest

from mice import mouse_set
from posereg.errors import UserError
from posereg.evaluation import own
from posereg.evaluation.bootstrap import contributions
from posereg.records.predictions import Predictions


def moved(poses, by):
    """Predictions that lie off the truth by `by` pixels, (N, K) or a number, to the right."""
    keypoints = poses.keypoints.copy()
    keypoints[..., 0] += by
    count = len(poses)
    return Predictions(
        ids=poses.ids,
        image_ids=poses.image_ids[poses.person_image],
        keypoints=keypoints,
        keypoint_scores=np.ones(keypoints.shape[:2], np.float32),
        scores=np.ones(count, np.float32),
        meta={},
    )


def test_pixel_errors_are_the_distances(tmp_path):
    poses = mouse_set(tmp_path, 4)
    off = np.tile(np.arange(12.0), (4, 1))
    found = own.evaluate(poses, moved(poses, off), metrics={"pixel_error": True})
    assert found.metrics["error"] == pytest.approx(5.5, abs=1e-4)
    assert found.metrics["median_error"] == pytest.approx(5.5, abs=1e-4)
    assert found.metrics["error/nose"] == pytest.approx(0, abs=1e-4)
    assert found.metrics["error/tail_tip"] == pytest.approx(11, abs=1e-4)
    assert "PCK@0.1" not in found.metrics
    numerator, denominator = contributions(found, "error")
    assert numerator.sum() / denominator.sum() == pytest.approx(found.metrics["error"])


def test_pck_is_the_share_within_a_part_of_the_length(tmp_path):
    poses = mouse_set(tmp_path, 4)
    poses = replace(poses, extras={**poses.extras, "bbox": np.tile([[0, 0, 20.0, 100.0]], (4, 1))})
    off = np.zeros((4, 12))
    off[:, 1] = 9.9
    off[:, 2] = 10.1
    off[:2, 11] = np.nan
    found = own.evaluate(poses, moved(poses, off), metrics={"pck": {"by": "box", "at": [0.1]}})
    assert found.metrics["PCK@0.1/L_ear"] == 100
    assert found.metrics["PCK@0.1/R_ear"] == 0
    assert found.metrics["PCK@0.1/Ears"] == 50
    assert found.metrics["PCK@0.1/tail_tip"] == 50
    assert found.metrics["PCK@0.1"] == pytest.approx(100 * 42 / 48)
    assert found.protocol["joints_not_predicted"] == 2


def test_two_joints_are_a_length(tmp_path):
    poses = mouse_set(tmp_path, 3)
    nose, tip = poses.keypoints[:, 0], poses.keypoints[:, 11]
    assert own.length(poses, ["nose", "tail_tip"]) == pytest.approx(
        np.linalg.norm(nose - tip, axis=1), abs=1e-3
    )
    hidden = poses.visibility.copy()
    hidden[1, 0] = 0
    assert np.isnan(own.length(replace(poses, visibility=hidden), ["nose", "tail_tip"])).tolist() == [
        False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("boxes", "must be box, torso"),
        ("torso", "no joint 'left_shoulder'"),
        (["nose", "tail_tp"], "did you mean"),
    ],
)
def test_a_length_that_is_none_is_named(tmp_path, by, said):
    with pytest.raises(UserError, match=said):
        own.length(mouse_set(tmp_path, 1), by)
