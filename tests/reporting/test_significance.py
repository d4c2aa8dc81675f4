"""Intervals of differences from runs: against the closed form, and none where the files do not allow it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from posereg.errors import UserError
from posereg.records.evaluation import Evaluation
from posereg.reporting.significance import evaluation_of, images_of, interval, intervals
from reporting import made


def test_the_interval_is_the_binomial_one(tmp_path: Path) -> None:
    """One joint a person, independent people: the difference of two rates has a known standard error."""
    people, random = 1500, np.random.default_rng(0)
    truth = made.poses(tmp_path / "data", 10)
    paths = []
    for row, rate in (("H1", 0.6), ("I1", 0.7)):
        path = made.run(tmp_path, row, 0, 4.0, truth)
        hit = random.random(people) < rate
        np.savez_compressed(
            path.parent / "evaluation.npz",
            distance=np.where(hit, 0.1, 2.0)[:, None],
            images=np.arange(people),
        )
        paths.append(path)
    found = interval(paths[:1], paths[1:], "PCKh@0.5")
    assert found is not None
    low, high = found
    error = 100 * np.sqrt((0.6 * 0.4 + 0.7 * 0.3) / people)
    assert (low + high) / 2 == pytest.approx(10, abs=3 * error)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_no_interval_without_the_arrays_or_of_other_people(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 30)
    first, second = made.run(tmp_path, "H1", 0, 4.0, truth), made.run(tmp_path, "I1", 0, 3.0, truth)
    assert interval([first], [second], "AUC") is not None
    assert interval([first], [second], "no such metric") is None
    other = made.run(tmp_path / "other", "I1", 0, 3.0, made.poses(tmp_path / "fewer", 20))
    assert interval([first], [other], "AUC") is None
    (second.parent / "evaluation.npz").unlink()
    assert interval([first], [second], "AUC") is None


def test_an_evaluation_is_the_result_with_its_arrays(tmp_path: Path) -> None:
    path = made.run(tmp_path, "H1", 0, 4.0, made.poses(tmp_path / "data", 12))
    evaluation = evaluation_of(path)
    result = json.loads(path.read_text())
    assert evaluation.metrics == result["metrics"]
    assert evaluation.protocol == result["protocol"]
    assert evaluation.per_person["distance"].shape == (12, 16)
    (path.parent / "evaluation.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"evaluation\.npz"):
        evaluation_of(path)


def test_people_of_one_image_are_drawn_together_where_the_files_say_so(tmp_path: Path) -> None:
    path = made.run(tmp_path, "H1", 0, 4.0, made.poses(tmp_path / "data", 6))
    distance = np.zeros((6, 16))
    images = np.array([0, 0, 1, 1, 2, 3])
    kept = Evaluation({}, {}, {"distance": distance, "images": images})
    assert images_of(path.parent, kept).tolist() == images.tolist()
    bare = Evaluation({}, {}, {"distance": distance})
    assert images_of(path.parent, bare).tolist() == list(range(6))  # made.poses: an image each
    assert images_of(tmp_path / "nowhere", bare).tolist() == list(range(6))
    fewer = Evaluation({}, {}, {"distance": distance[:4]})
    assert images_of(path.parent, fewer).tolist() == list(range(4))


def test_the_intervals_of_several_metrics_are_those_of_each_and_one_that_is_unknown_spoils_none(
    tmp_path: Path,
) -> None:
    truth = made.poses(tmp_path / "data", 30)
    sides = [
        [made.run(tmp_path, row, seed, error + seed, truth) for seed in (0, 1)]
        for row, error in (("H1", 4.0), ("I1", 3.0))
    ]
    read = [[(path, json.loads(path.read_text())) for path in side] for side in sides]
    together = intervals(*read, ["AUC", "no such metric", "PCKh@0.5"])
    assert together == {metric: interval(*sides, metric) for metric in ("AUC", "PCKh@0.5")}
    assert together["AUC"] != together["PCKh@0.5"]
    assert intervals(*read, ["AP_M"]) == {}  # of several seeds a side
