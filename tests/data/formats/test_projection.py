"""From 2D predictions to training labels: synthetic truth, real Human3.6M frames, and files that do not fit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pose2d import write_pose2d
from posereg.data.formats import h36m, h80k, projection
from posereg.data.synthetic.make import make
from posereg.errors import UserError
from posereg.evaluation import mpjpe
from posereg.geometry.bones import length_sum, rescale
from posereg.records.predictions import Predictions, load
from posereg.skeletons.skeleton import COCO, H80K, MPII, mapping
from shared import shared


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make("h80k", tmp_path_factory.mktemp("projection") / "set", 40, seed=3, size=128)
    write_pose2d(folder, noise=0.5)
    return folder


def _predictions(ids: np.ndarray, points: np.ndarray, name: str = "h80k") -> Predictions:
    scores = np.ones(points.shape[:2], np.float32)
    return Predictions(ids, ids, points.astype(np.float32), scores, scores.mean(1), meta={"skeleton": name})


def test_joints_come_to_lie_on_the_person(root: Path) -> None:
    poses = projection.read(root, "train")
    truth = np.load(root / "truth/Train.npz")
    assert (poses.visibility == 2).all()
    error = np.linalg.norm(poses.keypoints - truth["joints"], axis=-1)
    person = np.ptp(truth["joints"], axis=1).max(axis=1).mean()
    # The rest is perspective, which a weak-perspective camera does not have.
    assert error.mean() < 0.06 * person
    depth = truth["xyz"][..., 2] - truth["xyz"][:, :1, 2]
    own = truth["camera"][:, :1] / truth["xyz"][:, 0, 2:]
    scale = (poses.extras["z"] * depth).sum(1) / (depth**2).sum(1)
    assert_allclose(scale, own[:, 0], rtol=0.12)
    assert_allclose(poses.extras["z"], scale[:, None] * depth, atol=1e-2)


def test_boxes_hold_the_joints_with_a_quarter_more(root: Path) -> None:
    poses = projection.read(root, "val")
    low, high = poses.keypoints.min(axis=1), poses.keypoints.max(axis=1)
    assert_allclose(poses.boxes[:, 2:] - poses.boxes[:, :2], 1.25 * (high - low), rtol=1e-4)
    assert_allclose((poses.boxes[:, 2:] + poses.boxes[:, :2]) / 2, (low + high) / 2, atol=1e-2)


def test_frame_boxes_are_the_whole_image(root: Path) -> None:
    poses = projection.read(root, "val", boxes="frame")
    assert_allclose(poses.boxes, np.tile([-0.5, -0.5, 127.5, 127.5], (len(poses), 1)))
    assert (poses.visibility == 2).all()


def test_test_frames_get_the_box_of_the_predicted_joints(root: Path) -> None:
    poses = projection.read(root, "test")
    predicted = load(root / "pose2d/test.npz").keypoints
    assert not poses.visibility.any()
    assert np.isnan(poses.extras["z"]).all()
    center = (predicted.min(axis=1) + predicted.max(axis=1)) / 2
    assert_allclose((poses.boxes[:, 2:] + poses.boxes[:, :2]) / 2, center, atol=1e-3)
    same = projection.read(root, "val", boxes="pose2d")
    assert not np.allclose(same.boxes, projection.read(root, "val").boxes)


def test_frames_without_a_camera_are_not_trained_on_but_can_be_cropped(root: Path) -> None:
    plain = h80k.read(root, "train")
    points = np.load(root / "truth/Train.npz")["joints"]
    points[0] = np.nan
    points[1] = 63.5
    points[2, 1:] = np.nan
    swapped = points[3, H80K.flip].copy()
    points[3] = swapped
    found = _predictions(plain.ids[:-1], points[:-1])
    poses, cameras = projection.project(plain, found)
    lost = [0, 1, 2, len(plain) - 1]
    assert not cameras.fitted[lost].any()
    assert not poses.visibility[lost].any()
    assert np.isnan(poses.extras["z"][lost]).all()
    assert np.isfinite(poses.boxes).all()
    assert_allclose(poses.boxes[lost], plain.boxes[lost])
    assert cameras.fitted.sum() == len(plain) - len(lost)
    strict, _ = projection.project(plain, found, max_relative=0.25)
    assert not strict.visibility[3].any()
    assert (strict.visibility.any(axis=1)).sum() < cameras.fitted.sum()


def test_joints_are_matched_by_name() -> None:
    # docs/papers/volume.md#labels
    assert mapping(MPII, H80K).tolist() == [6, 2, 1, 0, 3, 4, 5, -1, 8, -1, 9, 13, 14, 15, 12, 11, 10, 7]
    assert mapping(COCO, H80K).tolist() == [-1, 12, 14, 16, 11, 13, 15, -1, -1, 0, -1, 5, 7, 9, 6, 8, 10, -1]


def test_files_that_do_not_fit(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent/val.npz: no 2D predictions of val.*posereg data project"):
        projection.read(root, "val", pose2d="absent/{split}.npz")
    poses = h80k.read(root, "val")
    with pytest.raises(UserError, match="'projectoin', did you mean 'projection'"):
        projection.project(poses, None, "projectoin")  # type: ignore[arg-type]
    points = np.zeros((len(poses), 17, 2))
    with pytest.raises(UserError, match="17 joints x 2 coordinates are not of 'mpii'"):
        projection.project(poses, _predictions(poses.ids, points, "mpii"))
    with pytest.raises(UserError, match="other frames"):
        projection.project(poses, _predictions(poses.ids + 1000, points, "coco"))


def test_scoring_needs_no_2d_predictions(root: Path) -> None:
    poses = projection.read(root, "val", pose2d=None)
    assert not poses.visibility.any()
    exact = Predictions(
        poses.ids,
        poses.ids,
        poses.extras["xyz"].astype(np.float32),
        np.ones((len(poses), 18)),
        np.ones(len(poses)),
    )
    assert mpjpe.evaluate(poses, exact).metrics["MPJPE"] == 0


def test_real_frames_through_loading_projection_and_evaluation() -> None:
    poses = h36m.read(shared("data/h36m"))
    plain = replace(
        poses, visibility=np.zeros_like(poses.visibility), keypoints=np.zeros_like(poses.keypoints)
    )
    # A 2D model's MPII joints: no torso, no nose, two pixels of noise on frames of 1000.
    noise = 2 * np.random.default_rng(0).standard_normal((len(poses), 16, 2))
    predicted = _predictions(poses.ids, poses.keypoints[:, mapping(H80K, MPII)] + noise, "mpii")
    found, cameras = projection.project(plain, predicted)
    person = np.ptp(poses.keypoints, axis=1).max(axis=1)
    gap = np.linalg.norm(found.keypoints - poses.keypoints, axis=-1)
    assert cameras.relative.max() < 0.1
    assert (gap.mean(axis=1) < 0.04 * person).all()
    assert (np.abs(found.boxes - poses.boxes).max(axis=1) < 0.1 * person).all()
    # A model that predicts the labels exactly: what is left is the weak-perspective camera's error.
    pixels = np.concatenate([found.keypoints, found.extras["z"][..., None]], axis=-1)
    lengths = length_sum(poses.extras["xyz"], H80K.parents)
    turned = rescale(pixels, lengths, H80K.parents)
    scored = Predictions(poses.ids, poses.image_ids, turned.astype(np.float32), np.ones((4, 18)), np.ones(4))
    metrics = mpjpe.evaluate(poses, scored).metrics
    assert metrics["PA-MPJPE"] < 0.1
    assert metrics["MPJPE"] < 15
    assert any(name.startswith("MPJPE/Sitting") for name in metrics)
