import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
import scipy.io

from data.made import people
from evaluation.coco_cases import detection
from evaluation.sets import pose_set, predict
from posereg.errors import UserError
from posereg.evaluation.foreign import read
from posereg.skeletons.skeleton import COCO, LSP, MPII

POSES = np.random.default_rng(0).uniform(0, 600, (7, 16, 2))


def write(path, array, key="preds"):
    match path.suffix:
        case ".npy":
            np.save(path, array)
        case ".npz":
            np.savez(path, **{key: array})
        case ".mat":
            scipy.io.savemat(path, {key: array})
        case ".h5":
            with h5py.File(path, "w") as file:
                file[key] = array
    return path


@pytest.fixture
def poses(tmp_path):
    return pose_set(MPII, POSES, tmp_path / "truth", name="mpii")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat", ".h5"])
@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_arrays_of_every_layout_land_on_their_people(tmp_path, poses, suffix, axes):
    path = write(tmp_path / f"found{suffix}", (POSES + 1).transpose(axes))
    found = read(path, poses)
    assert np.allclose(found.keypoints, POSES, atol=1e-3)
    assert np.array_equal(found.ids, poses.ids)
    assert np.array_equal(found.image_ids, poses.image_ids)


def test_counting_from_zero_is_said_and_other_sets_do_it_anyway(tmp_path, poses):
    path = write(tmp_path / "found.npy", POSES)
    assert np.allclose(read(path, poses, one_based=False).keypoints, POSES, atol=1e-3)
    coco = pose_set(COCO, np.zeros((7, 17, 2)), tmp_path / "b", name="coco")
    path = write(tmp_path / "coco.npy", np.full((7, 17, 2), 5.0))
    assert (read(path, coco).keypoints == 5).all()


def test_a_third_column_is_the_score(tmp_path, poses):
    scores = np.random.default_rng(1).random((7, 16, 1))
    found = read(write(tmp_path / "found.h5", np.concatenate([POSES, scores], axis=2)), poses)
    assert np.allclose(found.keypoint_scores, scores[..., 0])
    assert np.allclose(found.scores, scores.mean(axis=(1, 2)))


def test_lsp_takes_the_half_or_all_images(tmp_path):
    truth = np.random.default_rng(2).uniform(0, 150, (20, 14, 2))
    poses = pose_set(LSP, truth[10:], tmp_path / "joints.mat", name="lsp")
    poses.ids[:] = np.arange(11, 21)
    for rows in (truth, truth[10:]):
        found = read(write(tmp_path / "found.mat", rows + 1), poses)
        assert np.allclose(found.keypoints, truth[10:], atol=1e-3)
    with pytest.raises(UserError, match="holds 15 people, expected the 10"):
        read(write(tmp_path / "found.mat", truth[:15]), poses)


def test_our_own_file_comes_back_as_it_is(tmp_path, poses):
    own = predict(poses, POSES)
    own.save(tmp_path / "predictions.npz")
    assert np.array_equal(read(tmp_path / "predictions.npz", poses).keypoints, own.keypoints)


def test_coco_results_are_not_tied_to_people(tmp_path):
    poses = pose_set(COCO, np.zeros((2, 17, 2)), tmp_path / "truth")
    pose = np.random.default_rng(3).uniform(0, 300, (17, 2))
    path = tmp_path / "results.json"
    path.write_text(json.dumps([detection(2, pose, 0.25), detection(1, pose + 1, 0.5)]))
    found = read(path, poses)
    assert found.ids.tolist() == [-1, -1]
    assert found.image_ids.tolist() == [2, 1]
    assert found.scores.tolist() == [0.25, 0.5]
    assert np.allclose(found.keypoints[0], pose, atol=1e-3)
    path.write_text(json.dumps([detection(3, pose, 0.25)]))
    with pytest.raises(UserError, match="image 3"):
        read(path, poses)


def test_wrong_files_are_one_clear_line_naming_both_counts(tmp_path, poses):
    with pytest.raises(UserError, match=r"'array' has shape 7 x 14 x 2, expected 7 people x 16 joints x 2"):
        read(write(tmp_path / "a.npy", POSES[:, :14]), poses)
    with pytest.raises(UserError, match="'preds' holds 5 people, expected the 7 of mpii val"):
        read(write(tmp_path / "a.h5", POSES[:5]), poses)
    with pytest.raises(UserError, match="no such predictions file"):
        read(tmp_path / "none.h5", poses)
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UserError, match=r"unknown predictions format '.txt'"):
        read(tmp_path / "a.txt", poses)
    for suffix in (".npy", ".npz", ".mat", ".h5", ".json"):
        broken = tmp_path / f"broken{suffix}"
        broken.write_bytes(b"not what it says \xff\xfe")
        with pytest.raises(UserError, match="broken"):
            read(broken, poses)
    scipy.io.savemat(tmp_path / "two.mat", {"first": POSES, "second": POSES})
    with pytest.raises(UserError, match=r"no array 'preds'; the file has .*first, second"):
        read(tmp_path / "two.mat", poses)


def test_results_of_other_categories_are_left_out_and_joints_put_in_order(tmp_path):
    poses = pose_set(COCO, np.zeros((2, 17, 2)), tmp_path / "truth")
    order = tuple(range(16, -1, -1))
    poses = replace(poses, category=4, joint_order=order)
    pose = np.random.default_rng(3).uniform(0, 300, (17, 2))
    path = tmp_path / "results.json"
    ours, others = (
        {**detection(2, pose, 0.5), "category_id": 4},
        {**detection(2, pose, 0.5), "category_id": 1},
    )
    path.write_text(json.dumps([others, ours]))
    found = read(path, poses)
    assert np.allclose(found.keypoints, [pose[::-1]], atol=1e-3)
    assert found.meta["results_of_other_categories"] == 1
    path.write_text(json.dumps([others]))
    with pytest.raises(UserError, match="all results are of category 1, the people's is 4"):
        read(path, poses)


def test_our_own_file_without_ids_must_say_where_it_counts_from(tmp_path, poses):
    """As one-based, MATLAB's frame, it would be one pixel off."""
    own = predict(poses, POSES)
    path = tmp_path / "predictions.npz"
    np.savez(path, keypoints=own.keypoints, keypoint_scores=own.keypoint_scores)
    with pytest.raises(UserError, match="without ids, image_ids, meta; say where its coordinates begin"):
        read(path, poses)
    assert np.allclose(read(path, poses, one_based=False).keypoints, POSES, atol=1e-3)
    assert np.allclose(read(path, poses, one_based=True).keypoints, POSES - 1, atol=1e-3)


def test_own_data_with_mpii_s_joints_count_from_0(tmp_path):
    poses = people(tmp_path, 3)
    np.save(tmp_path / "a.npy", poses.keypoints)
    assert read(tmp_path / "a.npy", poses).meta["one_based"]
    own = replace(poses, extras={**poses.extras, "image_key": np.array(["a", "b", "c"], object)})
    np.testing.assert_array_equal(read(tmp_path / "a.npy", own).keypoints, poses.keypoints)
