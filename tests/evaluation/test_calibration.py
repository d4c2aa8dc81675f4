"""Calibration against closed forms: scores that mean what they say, and scores off by a known amount."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.coco_cases import image, person, truth_of
from evaluation.sets import pose_set, predict
from posereg.evaluation import calibration, oks, pckh
from posereg.evaluation.rank_correlation import from_arrays
from posereg.records.evaluation import Evaluation
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import COCO, MPII

RANDOM = np.random.default_rng(0)


def test_scores_that_are_probabilities_have_no_error() -> None:
    score = RANDOM.random(400_000)
    outcome = 1.0 * (RANDOM.random(len(score)) < score)
    assert calibration.expected_error(score, outcome) == pytest.approx(0, abs=0.3)
    mean, came, counts = calibration.reliability(score, outcome)
    assert mean == pytest.approx(np.arange(10) / 10 + 0.05, abs=0.002)
    assert came == pytest.approx(mean, abs=0.01)
    assert counts.sum() == len(score)


@pytest.mark.parametrize("power", [2.0, 0.5])
def test_the_error_of_a_distorted_score_is_the_integral(power: float) -> None:
    """Right with chance p, said with confidence p^a, p uniform: the error is the integral of |p - p^a|,
    |1/2 - 1/(a + 1)|, as both lie on one side everywhere."""
    p = RANDOM.random(400_000)
    outcome = 1.0 * (RANDOM.random(len(p)) < p)
    expected = 100 * abs(0.5 - 1 / (power + 1))
    assert calibration.expected_error(p**power, outcome) == pytest.approx(expected, abs=0.5)


def test_a_constant_is_off_by_its_distance() -> None:
    assert calibration.expected_error(np.ones(4), np.array([1.0, 0.0, 0.0, 0.0])) == pytest.approx(75)


def test_scores_outside_count_as_nought_or_one_and_the_last_bin_is_closed() -> None:
    mean, came, counts = calibration.reliability(np.array([-3.0, 0.0, 1.0, 17.0]), np.array([0.0, 1, 1, 0]))
    assert (mean.tolist(), came.tolist(), counts.tolist()) == ([0.0, 1.0], [0.5, 0.5], [2, 2])


def summary(poses: PoseSet, predictions: Predictions, evaluation: Evaluation) -> dict:
    return calibration.summary(calibration.scored_joints(poses, predictions, evaluation))


def scored() -> tuple[Evaluation, dict]:
    """Two people of MPII: one found with confidence 0.9, one missed by two heads with 0.2; one joint not labelled."""
    keypoints = np.tile(np.arange(16)[:, None] * 10.0, (2, 1, 2))
    visibility = np.full((2, 16), 2)
    visibility[0, 0] = 0
    poses = pose_set(
        MPII, keypoints, Path(__file__), visibility=visibility, extras={"head_size": np.full(2, 20.0)}
    )
    moved = keypoints + np.array([0, 40])[:, None, None]
    predictions = predict(poses, moved)
    predictions.keypoint_scores[:] = np.array([[0.9], [0.2]])
    evaluation = pckh.evaluate(poses, predictions)
    return evaluation, summary(poses, predictions, evaluation)


def test_pckh_judges_the_joints_that_it_counts() -> None:
    evaluation, found = scored()
    assert found["of"] == "PCKh@0.5"
    assert found["joints"] == evaluation.protocol["joints_counted"] == 13 + 14
    assert found["ECE"] == pytest.approx(100 * (13 * 0.1 + 14 * 0.2) / 27)
    assert found["correlation"] == pytest.approx(100)
    assert (found["score"], found["outcome"]) == (pytest.approx([20, 90]), [0, 100])
    assert calibration.metrics(found) == {
        "confidence/ECE": found["ECE"], "confidence/correlation": found["correlation"],
    }  # fmt: skip
    json.dumps(found)


def test_people_without_a_prediction_say_nothing() -> None:
    poses = pose_set(MPII, np.ones((2, 16, 2)), Path(__file__), extras={"head_size": np.full(2, 20.0)})
    predictions = predict(pose_set(MPII, np.ones((1, 16, 2)), Path(__file__)), np.ones((1, 16, 2)))
    found = summary(poses, predictions, pckh.evaluate(poses, predictions))
    assert found["joints"] == 14
    assert found["correlation"] is None


def test_coco_is_judged_by_the_similarity_of_matched_joints(tmp_path: Path) -> None:
    """A pose without an id, every joint off by the distance of similarity 0.6, and one of nobody."""
    area, sigmas = 150.0**2, np.array(COCO.sigmas)
    joints = np.stack([np.arange(17) % 4 * 120.0, np.arange(17) // 4 * 120.0], axis=1)
    visibility = np.full(17, 2)
    visibility[3] = 0
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(truth_of([image(1)], [person(11, 1, joints, visibility, area)])))
    poses = pose_set(COCO, [joints], path, visibility=[visibility])
    off = joints.copy()
    off[:, 0] += 2 * sigmas * np.sqrt(-2 * area * np.log(0.6))
    both = pose_set(COCO, [off, off + 5000], path, images=[0, 0])
    predictions = predict(both, [off, off + 5000])
    predictions.ids[:] = -1
    predictions.keypoint_scores[:] = 0.75
    evaluation = oks.evaluate(poses, predictions)
    found = summary(poses, predictions, evaluation)
    assert (found["of"], found["joints"]) == ("OKS", 16)
    assert found["ECE"] == pytest.approx(15, abs=1e-3)
    assert found["outcome"] == [pytest.approx(60, abs=1e-3)]
    kept = from_arrays(calibration.arrays(calibration.scored_joints(poses, predictions, evaluation), poses))
    assert kept.images[kept.image].tolist() == [1] * 16
    assert kept.outcome == pytest.approx(np.full(16, 0.6), abs=1e-3)


def test_metrics_without_an_outcome_have_no_calibration() -> None:
    poses = pose_set(MPII, np.ones((1, 16, 2)), Path(__file__))
    predictions = predict(poses, np.ones((1, 16, 2)))
    joints = calibration.scored_joints(poses, predictions, Evaluation({"MPJPE": 3.0}))
    assert calibration.summary(joints) == calibration.arrays(joints, poses) == {}
    assert calibration.metrics({}) == {}
