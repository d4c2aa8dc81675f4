"""Samples by (epoch, row): replacements, counts, and streams that depend on seed, epoch and row alone."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from data.made import people
from posereg.data.samples.dataset import ImageDataset
from posereg.data.samples.jpeg import BadImageError
from posereg.errors import UserError


class Rows(ImageDataset):
    """Gives its row and a random number; the rows in `broken` cannot be decoded."""

    varied = True

    def __init__(self, poses, broken=(), seed=0, max_bad_images=0):
        super().__init__(poses, poses.person_image, seed, max_bad_images)
        self.broken = set(broken)

    def sample(self, row, rng):
        if row in self.broken:
            raise BadImageError(f"row {row}")
        return {"row": row, "random": rng.random()}


def test_the_next_row_takes_the_place_of_a_broken_one_and_the_last_wraps_around(tmp_path):
    dataset = Rows(people(tmp_path, 5), broken=(1, 2, 4))
    assert [dataset[0, row]["row"] for row in range(5)] == [0, 3, 3, 3, 0]
    assert dataset.undecodable() == 3


def test_an_image_counts_once_however_often_it_is_met(tmp_path):
    poses = people(tmp_path, 3)
    both = replace(poses, person_image=np.array([0, 1, 1]))
    dataset = Rows(both, broken=(1, 2))
    for epoch in range(3):
        for row in range(3):
            dataset[epoch, row]
    assert dataset.undecodable() == 1
    assert dataset.report() == "made train: 1 undecodable images replaced by others: images/001.jpg"


def test_no_image_at_all_is_an_error(tmp_path):
    with pytest.raises(UserError, match="not one image of made train can be decoded"):
        Rows(people(tmp_path, 2), broken=(0, 1))[0, 0]


def test_randomness_is_of_seed_epoch_and_row(tmp_path):
    poses = people(tmp_path, 3)
    once = {(e, r): Rows(poses, seed=1)[e, r]["random"] for e in range(2) for r in range(3)}
    backwards = Rows(poses, seed=1)
    assert {key: backwards[key]["random"] for key in reversed(once)} == once
    assert len(set(once.values())) == 6
    assert Rows(poses, seed=2)[0, 0]["random"] != once[0, 0]


@pytest.mark.parametrize(
    ("allowed", "word"),
    [(0, r"^[^;]*001\.jpg"), (1, "2 undecodable images, more than max_bad_images=1; first:")],
)
def test_more_than_are_allowed_stop_the_run(tmp_path, allowed, word):
    poses = people(tmp_path, 4)
    for row in (1, 3):
        poses.image_path(row).write_bytes(b"no image")
    dataset = Rows(poses, broken=(1, 3), max_bad_images=allowed)
    dataset.check()
    if allowed:
        dataset[0, 1]
        dataset.check()
    for row in (1, 3):
        dataset[0, row]
    with pytest.raises(UserError, match=word):
        dataset.check()


def test_nothing_to_report_of_a_sound_set(tmp_path):
    dataset = Rows(people(tmp_path, 2))
    dataset[0, 0]
    assert dataset.report() is None
    assert dataset.undecodable() == 0


def test_a_workers_copy_marks_the_same_memory(tmp_path):
    """What a process finds undecodable the main process sees: the flags are shared, not copied."""
    from multiprocessing.reduction import ForkingPickler

    dataset = Rows(people(tmp_path, 3), broken=(1,))
    copy = pickle.loads(ForkingPickler.dumps(dataset))
    copy[0, 1]
    assert dataset.undecodable() == 1
