import numpy as np
import pytest

from evaluation.sets import pose_set, predict
from posereg.evaluation import lsp
from posereg.skeletons.skeleton import LSP

J = LSP.joints.index
# A standing person: torso diagonal (left shoulder to right hip) 3-4-5 scaled to 50 px.
PERSON = {
    "right_ankle": (40, 200), "right_knee": (40, 150), "right_hip": (40, 100), "left_hip": (70, 100),
    "left_knee": (70, 150), "left_ankle": (70, 200), "right_wrist": (0, 120), "right_elbow": (20, 90),
    "right_shoulder": (40, 60), "left_shoulder": (70, 60), "left_elbow": (90, 90), "left_wrist": (110, 120),
    "neck": (55, 50), "head_top": (55, 20),
}  # fmt: skip


def people(tmp_path, count=1, visibility=None):
    file = tmp_path / "joints.mat"
    file.write_text("")
    keypoints = np.array([[PERSON[name] for name in LSP.joints]] * count, float)
    return pose_set(LSP, keypoints, file, visibility=visibility)


def shifted(poses, **moves):
    keypoints = poses.keypoints.copy()
    for name, (dx, dy) in moves.items():
        keypoints[:, J(name)] += (dx, dy)
    return predict(poses, keypoints)


def test_the_torso_runs_from_left_shoulder_to_right_hip(tmp_path):
    poses = people(tmp_path)
    assert lsp.torso(poses.keypoints, poses.visibility, LSP) == pytest.approx([50])


def test_a_joint_is_right_up_to_and_including_the_threshold(tmp_path):
    poses = people(tmp_path)
    at = lsp.evaluate(poses, shifted(poses, left_wrist=(10, 0))).metrics  # 0.2 torsos exactly
    beyond = lsp.evaluate(poses, shifted(poses, left_wrist=(10.01, 0))).metrics
    assert at["PCK@0.2"] == 100
    assert beyond["PCK@0.2"] == pytest.approx(100 * 13 / 14)
    assert beyond["PCK@0.2/Wrist"] == 50
    assert beyond["PCK@0.2/Head"] == 100
    assert at["PCK@0.1"] == at["PCK@0.05"] == pytest.approx(100 * 13 / 14)


def test_area_under_the_curve_of_one_constant_error(tmp_path):
    poses = people(tmp_path)
    moved = predict(poses, poses.keypoints + np.array([5, 0]))  # 0.1 torsos everywhere
    assert lsp.evaluate(poses, moved).metrics["AUC"] == pytest.approx(100 * (0.1 + 0.005) / 0.2)


def test_strict_pcp_needs_both_ends_and_loose_their_mean(tmp_path):
    poses = people(tmp_path)
    # The forearm is sqrt(20^2 + 30^2) = 36.06 long, its half 18.03.
    found = shifted(poses, left_wrist=(20, 0))
    strict, loose = lsp.evaluate(poses, found).metrics, lsp.evaluate(poses, found, strict=False).metrics
    assert strict["PCP/Forearm"] == 50
    assert strict["PCP"] == 90  # nine of ten sticks
    assert loose["PCP/Forearm"] == loose["PCP"] == 100


def test_the_torso_stick_joins_the_middles(tmp_path):
    poses = people(tmp_path)
    # Both hips move 25 px down: the middle moves 25 of the torso's 40. One hip moves 50: the same middle.
    for moves in ({"left_hip": (0, 25), "right_hip": (0, 25)}, {"left_hip": (0, 50)}):
        assert lsp.evaluate(poses, shifted(poses, **moves)).metrics["PCP/Torso"] == 0
    assert lsp.evaluate(poses, shifted(poses, left_hip=(0, 39))).metrics["PCP/Torso"] == 100


def test_a_stick_of_no_length_needs_an_exact_prediction(tmp_path):
    poses = people(tmp_path)
    poses.keypoints[0, J("head_top")] = poses.keypoints[0, J("neck")]
    assert lsp.evaluate(poses, predict(poses, poses.keypoints)).metrics["PCP/Head"] == 100
    assert lsp.evaluate(poses, shifted(poses, neck=(0.5, 0))).metrics["PCP/Head"] == 0


def test_people_without_a_labelled_torso_are_excluded_and_counted(tmp_path):
    visibility = np.full((3, 14), 2)
    visibility[1, J("right_hip")] = 0
    visibility[2, J("left_wrist")] = 0
    poses = people(tmp_path, 3, visibility)
    scored = lsp.evaluate(poses, shifted(poses, left_wrist=(30, 0)))
    assert scored.protocol["people_without_torso"] == 1
    assert scored.protocol["joints_counted"] == 27
    assert scored.metrics["PCK@0.2"] == pytest.approx(100 * 26 / 27)
    assert scored.metrics["PCK@0.2/Wrist"] == 50  # right wrists all right, the one counted left wrist wrong
    # The torso's sticks need only their own joints: person 1 loses torso and right upper leg.
    assert np.isnan(scored.per_person["sticks"]).sum() == 2 + 1


def test_missing_people_are_misses(tmp_path):
    poses = people(tmp_path, 2)
    found = predict(poses, poses.keypoints)
    one = type(found)(
        *(getattr(found, c)[:1] for c in ("ids", "image_ids", "keypoints", "keypoint_scores", "scores"))
    )
    metrics = lsp.evaluate(poses, one).metrics
    assert metrics["PCK@0.2"] == metrics["PCP"] == 50
