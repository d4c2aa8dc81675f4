import numpy as np
import pytest
from numpy.testing import assert_allclose

from posereg.errors import UserError
from posereg.geometry.bones import bone_source, length_sum, mean_lengths, rescale
from posereg.skeletons.skeleton import H80K


def _poses(count: int, seed: int = 0) -> np.ndarray:
    return 300 * np.random.default_rng(seed).standard_normal((count, 18, 3))


def test_length_of_a_known_chain() -> None:
    points = np.array([[[1.0, 1, 1], [1, 1, 4], [5, 1, 4]]])
    assert length_sum(points, (0, 0, 1)) == pytest.approx([7.0])
    # The tree decides: both to the root.
    assert length_sum(points, (0, 0, 0)) == pytest.approx([3 + 5])


def test_metric_scale_comes_back_from_pixels_and_relative_depth() -> None:
    """Exact 2D joints and relative depth, any camera: the pose to 1e-4 mm and better."""
    rng = np.random.default_rng(0)
    truth = _poses(20)
    pixels = rng.uniform(0.05, 2, (20, 1, 1)) * truth + rng.uniform(-500, 500, (20, 1, 3))
    found = rescale(pixels, length_sum(truth, H80K.parents), H80K.parents)
    assert_allclose(found, truth - truth[:, :1], atol=1e-6)


def test_means_pool_frames_not_splits() -> None:
    train, val = _poses(3, 1), _poses(1, 2)
    found = mean_lengths({"train": train, "val": val}, H80K.parents)
    both = length_sum(np.concatenate([train, val]), H80K.parents).mean()
    assert found["train+val"] == pytest.approx(both)
    assert found["train"] == pytest.approx(length_sum(train, H80K.parents).mean())
    assert list(found) == ["train", "val", "train+val"]


def test_frames_without_poses_do_not_count() -> None:
    train = _poses(3)
    train[1] = np.nan
    found = mean_lengths({"train": train, "val": np.full((2, 18, 3), np.nan)}, H80K.parents)
    assert found == {"train": pytest.approx(length_sum(train[[0, 2]], H80K.parents).mean())}


def test_a_pose_on_one_spot_becomes_zero() -> None:
    assert not rescale(np.full((1, 18, 3), 7.0), 4500.0, H80K.parents).any()


def test_unknown_source_names_the_nearest() -> None:
    assert bone_source("train+val") == "train+val"
    with pytest.raises(UserError, match=r"method.bone_source.*'trainval', did you mean 'train\+val'"):
        bone_source("trainval")
