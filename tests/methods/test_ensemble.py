import numpy as np
import pytest
from numpy.testing import assert_allclose

from posereg.errors import UserError
from posereg.methods.ensemble import average
from posereg.records.predictions import Predictions


def _predictions(ids: list[int], seed: int, joints: int = 18) -> Predictions:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(len(ids), joints, 3)).astype(np.float32)
    scores = rng.random((len(ids), joints)).astype(np.float32)
    return Predictions(
        np.array(ids), np.array(ids) + 100, points, scores, scores.mean(1), meta={"seed": seed}
    )


def test_mean_by_person_whatever_the_order() -> None:
    a, b, c = _predictions([3, 1, 2], 0), _predictions([1, 2, 3], 1), _predictions([2, 3, 1], 2)
    found = average([a, b, c], ["a", "b", "c"])
    assert found.ids.tolist() == [3, 1, 2]
    assert found.image_ids.tolist() == [103, 101, 102]
    for k, person in enumerate(found.ids):
        members = [m.keypoints[m.ids.tolist().index(person)] for m in (a, b, c)]
        assert_allclose(found.keypoints[k], np.mean(members, axis=0), rtol=1e-5, atol=1e-6)
    assert found.meta == {"seed": 0, "members": ["a", "b", "c"]}


def test_one_member_is_itself() -> None:
    a = _predictions([5, 4], 0)
    assert_allclose(average([a]).keypoints, a.keypoints)


def test_independent_errors_shrink_by_the_root_of_the_number() -> None:
    members = [_predictions(list(range(200)), seed) for seed in range(4)]
    one = np.sqrt((members[0].keypoints ** 2).mean())
    assert np.sqrt((average(members).keypoints ** 2).mean()) == pytest.approx(one / 2, rel=0.03)


def test_other_people_or_joints_are_refused() -> None:
    with pytest.raises(UserError, match="b predicts other people than a"):
        average([_predictions([1, 2], 0), _predictions([1, 3], 0)], ["a", "b"])
    with pytest.raises(UserError, match=r"b predicts .17, 3. coordinates"):
        average([_predictions([1, 2], 0), _predictions([1, 2], 0, joints=17)], ["a", "b"])
    with pytest.raises(UserError, match="at least one"):
        average([])
