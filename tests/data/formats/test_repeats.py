import numpy as np
import pytest

from posereg.data.formats.repeats import marks_of


@pytest.mark.parametrize("kind", [np.int64, np.float32, np.float64])
def test_only_those_who_agree_in_joints_and_picture_share_a_mark(kind):
    random = np.random.default_rng(0)
    points = np.concatenate([random.integers(0, 640, (50_000, 4, 2)), np.full((50_000, 4, 1), 2)], axis=2)
    assert len(np.unique(points.reshape(50_000, -1), axis=0)) == 50_000
    marks = marks_of(points.astype(kind), np.zeros(50_000, np.int64))
    assert len(np.unique(marks)) == 50_000
    np.testing.assert_array_equal(marks_of(points[:9].astype(kind), np.zeros(9, np.int64)), marks[:9])
    assert not (marks_of(points[:9].astype(kind), np.ones(9, np.int64)) == marks[:9]).any()
