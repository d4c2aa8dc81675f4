"""Pose scores and suppression against loops that follow the published rule, and the file of a detector's boxes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.made import people
from posereg.data.formats import detections
from posereg.errors import UserError
from posereg.inference.postprocess import mean_above, topdown
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import COCO, LSP


@pytest.fixture
def detected(tmp_path):
    """Twelve boxes on three images, nearly the same two by two."""
    poses = people(tmp_path, 3, skeleton=COCO)
    rng = np.random.default_rng(0)
    entries = [
        {
            "image_id": k % 3,
            "category_id": 1,
            "bbox": [2.0 + k, 3.0, 20.0 + (k // 3) % 2, 30.0],
            "score": float(rng.uniform(0.1, 1)),
        }
        for k in range(12)
    ]
    junk = [
        {"image_id": 0, "category_id": 2, "bbox": [0, 0, 5, 5], "score": 1.0},
        {"image_id": 99, "category_id": 1, "bbox": [0, 0, 5, 5], "score": 1.0},
        {"image_id": 0, "category_id": 1, "bbox": [0, 0, 0, 5], "score": 1.0},
    ]
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps([*junk, *entries]))
    return detections.detected(poses, file), entries, file


def predicted(poses, seed=1):
    rng = np.random.default_rng(seed)
    count, joints = poses.visibility.shape
    twin = np.arange(count) // 6  # two groups of poses that lie on top of each other
    keypoints = rng.uniform(0, 40, (2, joints, 2))[twin] + rng.normal(0, 0.05, (count, joints, 2))
    return Predictions(
        ids=poses.ids,
        image_ids=poses.image_ids[poses.person_image],
        keypoints=keypoints.astype(np.float32),
        keypoint_scores=rng.uniform(0, 1, (count, joints)).astype(np.float32),
        scores=np.zeros(count, np.float32),
    )


def test_only_people_on_these_images_in_padded_boxes(detected):
    poses, entries, _ = detected
    assert len(poses) == 12
    assert len(set(poses.ids.tolist())) == 12
    assert (poses.ids < 0).all()
    assert not poses.visibility.any()
    for row, entry in enumerate(entries):
        x, y, width, height = entry["bbox"]
        middle = np.array([x + width / 2, y + height / 2] * 2)
        half = 1.25 * np.array([-width, -height, width, height]) / 2
        np.testing.assert_allclose(poses.boxes[row], middle + half, rtol=1e-6)
        assert poses.extras["box_score"][row] == entry["score"]


def test_a_score_is_the_boxs_times_the_mean_of_the_sure_keypoints(detected):
    poses, entries, _ = detected
    raw = predicted(poses)
    shuffled = raw.rows(np.random.default_rng(2).permutation(12))
    found = topdown(poses, shuffled, nms="none")
    assert (found.ids == -1).all()
    for row, person in enumerate(-1 - shuffled.ids):
        sure = [float(s) for s in raw.keypoint_scores[person] if s > 0.2]
        assert found.scores[row] == pytest.approx(entries[person]["score"] * sum(sure) / len(sure), rel=1e-6)
    assert found.meta["nms"] == "none"


def slow_oks(a, b, area):
    variance = (2 * np.array(COCO.sigmas)) ** 2
    return float(np.mean(np.exp(-((a - b) ** 2).sum(-1) / (2 * area * variance))))


def test_of_two_poses_on_top_of_each_other_the_better_stays(detected):
    poses, _, _ = detected
    raw = predicted(poses)
    scored = topdown(poses, raw, nms="none")
    area = np.prod(poses.boxes[:, 2:] - poses.boxes[:, :2], axis=1)
    kept: list[int] = []
    for row in np.argsort(-scored.scores):
        rivals = [k for k in kept if raw.image_ids[k] == raw.image_ids[row]]
        similar = [slow_oks(raw.keypoints[row], raw.keypoints[k], (area[row] + area[k]) / 2) for k in rivals]
        if all(value <= 0.9 for value in similar):
            kept.append(int(row))
    found = topdown(poses, raw)
    assert len(found) == len(kept) < 12
    np.testing.assert_array_equal(found.keypoints, raw.keypoints[np.sort(kept)])
    assert found.meta["nms"] == "oks 0.9"
    soft = topdown(poses, raw, nms="soft_oks")
    assert len(soft) == 12
    assert sorted(soft.scores.tolist())[-3:] == pytest.approx(sorted(scored.scores.tolist())[-3:])
    assert (soft.scores <= scored.scores).all()
    assert soft.scores.sum() < 0.8 * scored.scores.sum()


def test_annotated_boxes_count_one_and_keep_their_people(tmp_path):
    poses = people(tmp_path, 12, skeleton=COCO)
    raw = replace(predicted(poses), ids=poses.ids)
    twice = raw.rows(np.array([*range(12), 3, 5]))  # a sampler that shards evenly repeats some
    found = topdown(poses, twice)
    np.testing.assert_array_equal(found.ids, poses.ids)  # one an image: nothing to suppress
    sure = np.ma.masked_less_equal(raw.keypoint_scores.astype(np.float64), 0.2).mean(axis=1)
    np.testing.assert_allclose(found.scores, sure, rtol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=17), st.floats(0, 1, width=32))
def test_mean_above_any_threshold(scores, threshold):
    sure = [s for s in scores if s > threshold]
    expected = sum(sure) / len(sure) if sure else 0.0
    assert mean_above(np.array([scores], np.float32), threshold)[0] == pytest.approx(expected, abs=1e-6)


def test_mistakes(detected, tmp_path):
    poses, _, file = detected
    with pytest.raises(UserError, match="did you mean 'soft_oks'"):
        topdown(poses, predicted(poses), nms="soft_ok")
    with pytest.raises(UserError, match="not of the boxes"):
        topdown(poses, replace(predicted(poses), ids=np.arange(12)))
    lsp = people(tmp_path, 3, skeleton=LSP)
    with pytest.raises(UserError, match="no OKS"):
        topdown(lsp, predicted(lsp))
    with pytest.raises(UserError, match="no person box with score >= 2"):
        detections.detected(poses, file, min_score=2)
    file.write_text('[{"image_id": 0, "score": 1}]')
    with pytest.raises(UserError, match="not a COCO result file"):
        detections.detected(poses, file)


def test_which_split_gets_the_boxes():
    assert detections.file_of(None, "val", "train") is None
    assert str(detections.file_of("b.json", "val", "train")) == "b.json"
    assert detections.file_of("b.json", "train", "train") is None
    by_split = {"train": "t.json", "val": None}
    assert str(detections.file_of(by_split, "train", "train")) == "t.json"
    assert detections.file_of(by_split, "val", "train") is None
    assert detections.file_of(by_split, "test", "train") is None
