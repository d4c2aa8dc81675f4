"""Differences between two runs."""

import numpy as np
import pytest

from posereg.export.parity import Parity, compare, outputs


def answer(x: float, score: float = 1.0) -> dict[str, np.ndarray]:
    keypoints = np.zeros((2, 3, 2), np.float32)
    keypoints[1, 2, 0] = x
    return {"keypoints": keypoints, "scores": np.full((2, 3), score, np.float32)}


def test_the_largest_difference_of_all_batches_counts() -> None:
    found = compare([answer(0), answer(5)], [answer(0.5), answer(5, 0.75)])
    assert (found.pixels, found.others, found.compared, found.beyond) == (0.5, {"scores": 0.25}, 12, 1)
    assert "12 keypoints differ by at most 0.5 px from posereg's, 1 by more than 0.01 px" in found.text()


def test_what_is_finite_on_one_side_alone_is_infinitely_far() -> None:
    assert compare([answer(1)], [answer(float("nan"))]).pixels == np.inf
    assert compare([answer(1)], [answer(float("inf"))]).beyond == 1


def test_poses_of_maps_count_by_cell_and_joint() -> None:
    poses = np.zeros((1, 3, 2, 4, 5), np.float32)
    moved = poses.copy()
    moved[0, 1, :, 2, 3] = 1
    found = compare([{"poses": poses}], [{"poses": moved}])
    assert (found.compared, found.beyond, found.pixels) == (60, 1, 1)


def test_other_shapes_are_not_compared() -> None:
    with pytest.raises(ValueError, match="scores"):
        compare([answer(1)], [{**answer(1), "scores": np.zeros((2, 1))}])


def test_outputs_runs_every_batch() -> None:
    run = lambda image: {"scores": image + 1}  # noqa: E731
    assert [found["scores"].tolist() for found in outputs(run, [np.array([1]), np.array([2])])] == [[2], [3]]


def test_another_cell_of_the_same_height_is_a_tie_where_keypoints_are_maxima() -> None:
    ours, tie, other = answer(1), answer(4, 1 + 1e-6), answer(4, 1.1)
    assert compare([ours], [tie]).beyond == 1
    found = compare([ours], [tie], maxima=True)
    assert (found.pixels, found.beyond, found.tied, found.compared) == (0, 0, 1, 5)
    assert "1 lie on ties" in found.text()
    assert compare([ours], [other], maxima=True).beyond == 1


def test_a_few_ties_are_rounding_many_are_another_decoding() -> None:
    few = Parity(pixels=0.0, others={}, compared=95, beyond=0, tied=5)
    assert few.same
    assert not few._replace(compared=94, tied=6).same
    assert not few._replace(beyond=1).same
