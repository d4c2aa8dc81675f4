from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.sets import mpii_validation, pose_set, predict
from posereg.errors import UserError
from posereg.evaluation import pckh
from posereg.evaluation.foreign import read
from posereg.skeletons.skeleton import MPII
from shared import shared

ORACLE = "data/mpii/annotations/detections_our_format.mat"


def people(tmp_path, count=3, **kwargs):
    file = tmp_path / "a.json"
    file.write_text("{}")
    keypoints = np.random.default_rng(0).uniform(0, 300, (count, 16, 2))
    return pose_set(MPII, keypoints, file, extras={"head_size": np.full(count, 50.0)}, **kwargs)


def test_published_predictions_score_as_the_official_toolkit_scores_them():
    path = shared(ORACLE)
    poses = mpii_validation(path)
    metrics = pckh.evaluate(poses, read(path, poses)).metrics
    published = {
        "PCKh@0.5/Head": 96.66, "PCKh@0.5/Shoulder": 92.71, "PCKh@0.5/Elbow": 83.36, "PCKh@0.5/Wrist": 76.74,
        "PCKh@0.5/Hip": 81.93, "PCKh@0.5/Knee": 73.36, "PCKh@0.5/Ankle": 65.45, "PCKh@0.5/Head_top": 95.60,
        "PCKh@0.5": 82.337, "PCKh@0.1": 28.975, "AUC": 55.781, "AUC/mean51": 55.495,
    }  # fmt: skip
    assert {name: metrics[name] for name in published} == pytest.approx(published, abs=0.01)


def test_the_curve_holds_every_threshold():
    path = shared(ORACLE)
    poses = mpii_validation(path)
    scored = pckh.evaluate(poses, read(path, poses))
    assert scored.curve["thresholds"][11] == 0.11
    assert scored.curve["values"][11] == pytest.approx(33.138, abs=0.01)
    assert scored.protocol["joints_counted"] == 38430
    # The curve drawn from the raw distances at other thresholds meets the stored one.
    assert (
        pckh.curve(scored.per_person["distance"], np.array([0.5]))["values"][0] == scored.metrics["PCKh@0.5"]
    )


def test_one_joint_moved_counts_up_to_its_distance(tmp_path):
    poses = people(tmp_path, 1)
    moved = poses.keypoints.copy()
    moved[0, MPII.joints.index("left_wrist"), 0] += 15  # 0.3 head sizes
    metrics = pckh.evaluate(poses, predict(poses, moved)).metrics
    assert metrics["PCKh@0.5"] == 100
    assert metrics["PCKh@0.1"] == pytest.approx(100 * 13 / 14)
    assert metrics["PCKh@0.1/Wrist"] == 50
    assert metrics["PCKh@0.1/UBody"] == pytest.approx(100 * 5 / 6)
    # 13 joints are right at every threshold; the 14th wins the trapezoids right of 0.3 and half of one left of it.
    assert metrics["AUC"] == pytest.approx(100 * (13 + (0.5 - 0.3 + 0.005) / 0.5) / 14, abs=1e-4)


def test_missing_people_and_nan_are_misses_and_pelvis_does_not_count(tmp_path):
    poses = people(tmp_path, 4)
    keypoints = poses.keypoints.copy()
    keypoints[1, MPII.joints.index("left_knee")] = np.nan
    keypoints[0, MPII.joints.index("pelvis")] += 1000
    found = predict(poses, keypoints)
    three = type(found)(
        *(getattr(found, c)[:3] for c in ("ids", "image_ids", "keypoints", "keypoint_scores", "scores"))
    )
    scored = pckh.evaluate(poses, three)
    assert scored.metrics["PCKh@0.5"] == pytest.approx(100 * (3 * 14 - 1) / (4 * 14))
    assert scored.protocol["people_without_prediction"] == 1


def test_joints_that_are_not_annotated_and_people_without_head_do_not_count(tmp_path):
    visibility = np.full((3, 16), 2)
    visibility[0, MPII.joints.index("right_ankle")] = 0
    poses = people(tmp_path, visibility=visibility)
    poses.extras["head_size"] = np.array([50.0, 0.0, 50.0])
    scored = pckh.evaluate(poses, predict(poses, poses.keypoints + np.array([0, 26])))
    assert scored.protocol["joints_counted"] == 27
    assert scored.protocol["people_without_head"] == 1
    assert scored.metrics["PCKh@0.5"] == 0


def test_by_labelled_people_pools_to_the_total(tmp_path):
    poses = people(tmp_path, 6, images=[0, 1, 1, 2, 2, 2])
    keypoints = poses.keypoints.copy()
    keypoints[3:] += 100
    scored = pckh.evaluate(poses, predict(poses, keypoints))
    assert pckh.by_labelled(poses, scored) == {1: (100.0, 1), 2: (100.0, 2), 3: (0.0, 3)}
    assert pckh.by_labelled(poses, scored, "joints") == {14: (50.0, 6)}
    with pytest.raises(UserError, match="'heads'"):
        pckh.by_labelled(poses, scored, "heads")


def test_a_set_without_heads_is_refused(tmp_path):
    poses = people(tmp_path)
    poses.extras.clear()
    with pytest.raises(UserError, match="head boxes"):
        pckh.evaluate(poses, predict(poses, poses.keypoints))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), spread=st.floats(0, 80))
def test_agrees_with_counting_joint_by_joint(tmp_path_factory, seed, spread):
    rng = np.random.default_rng(seed)
    poses = people(tmp_path_factory.mktemp("set"), 5, visibility=rng.choice([0, 1, 2], (5, 16)))
    poses.extras["head_size"] = rng.uniform(10, 80, 5)
    found = predict(poses, poses.keypoints + rng.normal(0, spread, (5, 16, 2)))
    values = pckh.evaluate(poses, found).curve["values"]
    for step in (0, 7, 10, 33, 50):
        right = total = 0
        for n in range(5):
            for k in set(range(16)) - {6, 7}:
                if poses.visibility[n, k]:
                    dx, dy = (
                        float(a) - float(b)
                        for a, b in zip(found.keypoints[n, k], poses.keypoints[n, k], strict=True)
                    )
                    total += 1
                    right += (dx * dx + dy * dy) ** 0.5 / poses.extras["head_size"][n] <= step / 100
        assert values[step] == pytest.approx(100 * right / total)
    assert all(a <= b for a, b in pairwise(values))
