import numpy as np

from posereg.data.synthetic.body import sample_build
from posereg.data.synthetic.poses import sample_pose


def sampled(count: int):
    rng = np.random.default_rng(0)
    for _ in range(count):
        build = sample_build(rng)
        yield build, *sample_pose(rng, build, 0.0)


def angle(pose, a: str, b: str, c: str) -> float:
    u, v = pose.at(a) - pose.at(b), pose.at(c) - pose.at(b)
    return float(np.rad2deg(np.arccos(np.clip(u @ v / np.linalg.norm(u) / np.linalg.norm(v), -1, 1))))


def test_joints_bend_within_their_range_and_poses_vary():
    habits, raised, bent = set(), 0, 0
    for _, pose, habit in sampled(300):
        habits.add(habit)
        for side in ("left", "right"):
            assert angle(pose, f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist") > 34.9
            assert angle(pose, f"{side}_hip", f"{side}_knee", f"{side}_ankle") > 34.9
            # A knee never bends forward: the ankle lies on the back side of the thigh.
            thigh = pose.frames[f"{side}_thigh"]
            assert (pose.at(f"{side}_ankle") - pose.at(f"{side}_knee")) @ thigh[:, 2] < 1e-6
            raised += pose.at(f"{side}_wrist")[1] > pose.at("head")[1]
            bent += angle(pose, f"{side}_hip", f"{side}_knee", f"{side}_ankle") < 110
    assert len(habits) >= 9
    assert 0.04 < raised / 600 < 0.5
    assert 0.05 < bent / 600 < 0.5


def test_hands_stay_out_of_the_head():
    near = [
        np.linalg.norm(pose.at(f"{side}_wrist") - pose.at("head")) < 80 * build.head
        for build, pose, _ in sampled(300)
        for side in ("left", "right")
    ]
    assert np.mean(near) < 0.01


def test_the_same_stream_gives_the_same_pose():
    build = sample_build(np.random.default_rng(1))
    first, second = (sample_pose(np.random.default_rng(5), build, 30.0)[0].joints for _ in range(2))
    assert np.array_equal(first, second)
