import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.data.synthetic.body import INDEX, JOINTS, LIMITS, clamp, forward, sample_build

angles = st.fixed_dictionaries({name: st.floats(low, high) for name, (low, high) in LIMITS.items()})
BUILD = sample_build(np.random.default_rng(3))


def bone(pose, a: str, b: str) -> float:
    return float(np.linalg.norm(pose.at(a) - pose.at(b)))


@settings(max_examples=40, deadline=None)
@given(angles, st.floats(-180, 180))
def test_bones_keep_their_length_in_every_pose(pose_angles, yaw):
    pose = forward(BUILD, pose_angles, yaw)
    for side in ("left", "right"):
        assert bone(pose, f"{side}_hip", f"{side}_knee") == pytest.approx(BUILD.thigh)
        assert bone(pose, f"{side}_knee", f"{side}_ankle") == pytest.approx(BUILD.shin)
        assert bone(pose, f"{side}_shoulder", f"{side}_elbow") == pytest.approx(BUILD.upper_arm)
        assert bone(pose, f"{side}_elbow", f"{side}_wrist") == pytest.approx(BUILD.forearm)
    assert bone(pose, "left_hip", "right_hip") == pytest.approx(2 * BUILD.hip)
    assert pose.at("thorax") == pytest.approx((pose.at("left_shoulder") + pose.at("right_shoulder")) / 2)
    assert pose.at("pelvis") == pytest.approx((pose.at("left_hip") + pose.at("right_hip")) / 2)


@settings(max_examples=40, deadline=None)
@given(angles)
def test_swapping_sides_mirrors_the_body(pose_angles):
    swap = {"left": "right", "right": "left"}

    def other(name: str) -> str:
        side, _, rest = name.partition("_")
        return f"{swap[side]}_{rest}" if side in swap else name

    turning = ("roll", "spine_side", "spine_twist", "neck_side", "neck_twist")
    mirrored = {other(name): -v if name in turning else v for name, v in pose_angles.items()}
    pose, image = forward(BUILD, pose_angles), forward(BUILD, mirrored)
    for name in JOINTS:
        assert image.at(other(name)) == pytest.approx(pose.at(name) * [-1, 1, 1], abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({name: st.floats(-400, 400) for name in LIMITS}))
def test_clamped_angles_are_within_limits_and_stay(pose_angles):
    fixed = clamp(pose_angles)
    assert all(low <= fixed[name] <= high for name, (low, high) in LIMITS.items())
    assert clamp(fixed) == fixed


@pytest.mark.parametrize(
    ("angle", "joint", "axis", "sign"),
    [
        ("left_knee", "left_ankle", 2, -1),  # heel to the buttocks
        ("left_hip_flex", "left_knee", 2, 1),
        ("left_hip_spread", "left_knee", 0, 1),
        ("right_hip_spread", "right_knee", 0, -1),
        ("left_elbow", "left_wrist", 2, 1),
        ("left_arm_raise", "left_elbow", 0, 1),
        ("right_arm_raise", "right_elbow", 0, -1),
        ("spine_flex", "head_top", 2, 1),
    ],
)
def test_an_angle_moves_its_joint_the_anatomical_way(angle, joint, axis, sign):
    rest = forward(BUILD, {})
    bent = forward(BUILD, {angle: 40.0})
    moved = (bent.at(joint) - bent.at("pelvis")) - (rest.at(joint) - rest.at("pelvis"))
    assert sign * moved[axis] > 40


def test_a_standing_person_faces_forward_with_the_left_at_plus_x():
    pose = forward(BUILD, {})
    assert pose.at("left_shoulder")[0] > 0 > pose.at("right_shoulder")[0]
    assert pose.at("nose")[2] > pose.at("head")[2]
    assert pose.joints[:, 1].min() == pytest.approx(28)
    assert pose.at("head_top")[1] == pytest.approx(BUILD.stature, rel=0.08)


def test_yaw_turns_about_the_vertical():
    assert forward(BUILD, {}, 90).at("nose")[0] > 50
    assert INDEX["pelvis"] == 0
