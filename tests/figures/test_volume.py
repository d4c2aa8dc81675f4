from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

from data.made import people
from posereg.figures import volume as figures3d
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import H80K


def _case(root: Path, count: int = 8) -> tuple[PoseSet, Predictions]:
    rng = np.random.default_rng(0)
    poses = people(root, count, skeleton=H80K)
    xyz = 300 * rng.standard_normal((count, 18, 3))
    poses = replace(poses, extras={"xyz": xyz.astype(np.float32)})
    found = xyz + np.linspace(5, 80, count)[:, None, None] * rng.standard_normal(xyz.shape)
    ones = np.ones((count, 18), np.float32)
    return poses, Predictions(poses.ids, poses.image_ids, found.astype(np.float32), ones, ones[:, 0])


def test_a_runs_pictures(tmp_path: Path) -> None:
    poses, found = _case(tmp_path)
    written = figures3d.write(poses, found, tmp_path / "run")
    assert set(written) == {"skeletons", "error_by_joint", "error_by_depth"}
    for name in written.values():
        picture = cv2.imread(str(tmp_path / "run" / name))
        assert picture is not None
        assert picture.std() > 5
    test = replace(poses, extras={"xyz": np.full((8, 18, 3), np.nan, np.float32)})
    assert figures3d.write(test, found, tmp_path / "none") == {}
    assert not (tmp_path / "none").exists()


def test_examples_go_from_easy_to_hard_with_two_views(tmp_path: Path) -> None:
    poses, found = _case(tmp_path)
    examples = figures3d.gallery(poses, {"a": found}, count=3, side=64)
    errors = [example.errors["a"] for example in examples]
    assert errors == sorted(errors)
    assert [label for label, _ in examples[0].tiles] == ["image", "a front", "a side"]
    assert all(picture.shape == (64, 64, 3) for _, picture in examples[0].tiles)


def test_differences_are_root_relative(tmp_path: Path) -> None:
    poses, found = _case(tmp_path)
    moved = replace(found, keypoints=found.keypoints + 1000)
    assert_allclose(figures3d.differences(poses, moved), figures3d.differences(poses, found), atol=1e-2)
    assert not figures3d.differences(poses, found)[:, 0].any()


@pytest.mark.parametrize(("azimuth", "axis"), [(0.0, 0), (90.0, 2)])
def test_views_turn_about_the_vertical(azimuth: float, axis: int) -> None:
    """A joint far out along the axis that the view shows across lies right of the middle."""
    pose = np.zeros((18, 3))
    pose[16, axis] = 500.0
    other = np.zeros((18, 3))
    other[16, 2 - axis] = 500.0
    right = figures3d.skeleton_view(pose, None, H80K, azimuth, 100)[:, 60:]
    hidden = figures3d.skeleton_view(other, None, H80K, azimuth, 100)[:, 60:]
    assert (right < 200).any()
    assert not (hidden < 200).any()


def test_depth_bins_hold_equally_many_joints() -> None:
    depth = np.random.default_rng(0).normal(size=(40, 18))
    difference = np.stack([np.zeros_like(depth), np.zeros_like(depth), np.abs(depth)], axis=-1)
    figure = figures3d.error_by_depth(difference, depth, bins=10)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    x, y = lines["along the depth"].get_data()
    assert len(x) == 10
    # The error was made the depth's size.
    assert_allclose(np.asarray(y)[[0, -1]], np.abs(np.asarray(x)[[0, -1]]), rtol=1e-6)
    assert not np.any(lines["in the image plane"].get_ydata())
