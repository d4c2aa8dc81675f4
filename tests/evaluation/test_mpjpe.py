import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from evaluation.sets import pose_set, predict
from posereg.errors import UserError
from posereg.evaluation import mpjpe
from posereg.skeletons.skeleton import H80K


def people(tmp_path, xyz, **extras):
    file = tmp_path / "POSE"
    file.write_text("")
    xyz = np.asarray(xyz, float)
    return pose_set(H80K, np.zeros((len(xyz), 18, 2)), file, extras={"xyz": xyz, **extras})


@pytest.fixture
def xyz():
    return np.random.default_rng(0).normal(0, 300, (4, 18, 3))


def test_poses_are_compared_relative_to_their_root(tmp_path, xyz):
    poses = people(tmp_path, xyz)
    metrics = mpjpe.evaluate(poses, predict(poses, xyz + np.array([100.0, -50, 4000]))).metrics
    assert metrics["MPJPE"] == pytest.approx(0, abs=1e-3)
    assert metrics["PA-MPJPE"] == pytest.approx(0, abs=1e-3)


def test_one_joint_off_counts_a_seventeenth_and_the_thorax_does_not(tmp_path, xyz):
    poses = people(tmp_path, xyz)
    moved = xyz.copy()
    moved[:, H80K.joints.index("left_wrist")] += [0, 30, 40]
    moved[:, H80K.joints.index("thorax")] += 500
    metrics = mpjpe.evaluate(poses, predict(poses, moved)).metrics
    assert metrics["MPJPE"] == pytest.approx(50 / 17, abs=1e-3)
    assert metrics["MPJPE/left_wrist"] == pytest.approx(50, abs=1e-3)
    assert metrics["MPJPE/pelvis"] == 0


def test_actions_have_their_own_mean(tmp_path, xyz):
    poses = people(tmp_path, xyz, action=np.array(["Eating", "Walking", "Eating", "Walking"]))
    moved = xyz.copy()
    moved[[1, 3], 1:17] += [0, 0, 17.0]
    metrics = mpjpe.evaluate(poses, predict(poses, moved)).metrics
    assert metrics["MPJPE/Eating"] == pytest.approx(0, abs=1e-3)
    assert metrics["MPJPE/Walking"] == pytest.approx(16, abs=1e-3)
    assert metrics["MPJPE"] == pytest.approx(8, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), noise=st.floats(0, 100))
def test_rigid_alignment_is_the_best_rotation(seed, noise):
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 300, (1, 18, 3))
    turned = (
        truth[0] @ Rotation.random(random_state=seed).as_matrix().T + rng.normal(0, noise, (18, 3)) + 1000
    )
    # scipy's Kabsch is the oracle.
    best, _ = Rotation.align_vectors(truth[0] - truth[0].mean(axis=0), turned - turned.mean(axis=0))
    expected = best.apply(turned - turned.mean(axis=0)) + truth[0].mean(axis=0)
    assert np.allclose(mpjpe.rigid_align(turned[None], truth)[0], expected, atol=1e-5)


def test_alignment_neither_scales_nor_mirrors(xyz):
    centred = xyz - xyz.mean(axis=1, keepdims=True)
    doubled = mpjpe.rigid_align(2 * xyz, xyz)
    assert np.allclose(np.linalg.norm(doubled - xyz, axis=-1), np.linalg.norm(centred, axis=-1))
    mirrored = mpjpe.rigid_align(xyz * [-1, 1, 1], xyz)
    assert np.linalg.norm(mirrored - xyz, axis=-1).mean() > 50


def test_frames_without_truth_are_left_out_and_lost_predictions_refused(tmp_path, xyz):
    unknown = xyz.copy()
    unknown[2] = np.nan
    poses = people(tmp_path, unknown)
    scored = mpjpe.evaluate(poses, predict(poses, xyz))
    assert scored.protocol["people_without_3d"] == 1
    assert scored.metrics["MPJPE"] == pytest.approx(0, abs=1e-3)
    lost = xyz.copy()
    lost[3, 5] = np.nan
    with pytest.raises(UserError, match="first: id 103"):
        mpjpe.evaluate(poses, predict(poses, lost))
    poses.extras.clear()
    with pytest.raises(UserError, match="no 3D joints"):
        mpjpe.evaluate(poses, predict(poses, xyz))
