"""The predictions file: there and back, rows and joins, and files that are no predictions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mice import mouse_set
from posereg.errors import UserError
from posereg.evaluation import own
from posereg.records.predictions import COLUMNS, Predictions, concatenate, faultless, load, nobody


def make(count=3, joints=5, dimensions=2, seed=0):
    rng = np.random.default_rng(seed)
    return Predictions(
        ids=np.arange(10, 10 + count),
        image_ids=rng.integers(0, 9, count),
        keypoints=rng.normal(size=(count, joints, dimensions)).astype(np.float32),
        keypoint_scores=rng.random((count, joints)).astype(np.float32),
        scores=rng.random(count).astype(np.float32),
        meta={"dataset": "coco", "flip_test": True, "scales": [0.5, 1.0]},
    )


def same(one, other):
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 6), st.integers(1, 18), st.sampled_from([2, 3]))
def test_saved_predictions_come_back(tmp_path_factory, count, joints, dimensions):
    path = tmp_path_factory.mktemp("predictions") / "predictions.npz"
    written = make(count, joints, dimensions)
    written.save(path)
    back = load(path)
    same(back, written)
    assert back.meta == written.meta
    assert [p.name for p in path.parent.iterdir()] == ["predictions.npz"]


def test_rows_by_number_and_mask():
    everyone = make(4)
    some = everyone.rows(np.array([2, 0]))
    assert some.ids.tolist() == [12, 10]
    np.testing.assert_array_equal(some.keypoints, everyone.keypoints[[2, 0]])
    assert everyone.rows(everyone.ids > 11).ids.tolist() == [12, 13]
    assert some.meta == everyone.meta


def test_parts_joined_are_the_whole():
    whole = make(5)
    parts = [whole.rows(np.arange(3)), whole.rows(np.array([], dtype=int)), whole.rows(np.array([3, 4]))]
    same(concatenate(parts), whole)


def test_nobody_is_a_file_like_any_other(tmp_path):
    nobody(17).save(tmp_path / "none.npz")
    back = load(tmp_path / "none.npz")
    assert len(back) == 0
    assert back.keypoints.shape == (0, 17, 2)
    assert nobody(18, 3).keypoints.shape == (0, 18, 3)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"scores": np.zeros(2, np.float32)}, r"scores has shape \(2,\), not \(3,\)"),
        ({"keypoint_scores": np.zeros((3, 4), np.float32)}, "keypoint_scores has shape"),
        ({"keypoints": np.zeros((3, 5, 4), np.float32)}, "keypoints has shape"),
        ({"ids": np.zeros(3, np.float32)}, "ids has shape .* of float32"),
        ({"meta": np.frombuffer(b"[1]", np.uint8)}, "meta is not a JSON object"),
        ({"meta": np.frombuffer(b"{", np.uint8)}, "JSONDecodeError"),
    ],
)
def test_columns_that_do_not_fit_are_named(tmp_path, change, word):
    made = make()
    columns = {name: getattr(made, name) for name in COLUMNS}
    np.savez(tmp_path / "a.npz", **{**columns, "meta": np.frombuffer(b"{}", np.uint8), **change})
    with pytest.raises(UserError, match=word) as caught:
        load(tmp_path / "a.npz")
    assert str(caught.value).startswith(str(tmp_path / "a.npz"))


def test_annotations_as_predictions_are_without_fault(tmp_path):
    poses = mouse_set(tmp_path, 3)
    found = faultless(poses)
    assert own.evaluate(poses, found, metrics={"pixel_error": True}).metrics["error"] == 0
    assert found.image_ids.tolist() == [0, 1, 2]
