"""Parts of a set: whole images, drawn by the seed, and what is done about images that are not there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.made import people
from posereg.data.sources.subset import keep_images, limit_images, limit_people, present
from posereg.errors import UserError


def shared_images(tmp_path, on):
    """One person for each number of `on`, which says on which image."""
    poses = people(tmp_path, max(*on, 1) + 1)
    rows = np.zeros(len(on), dtype=int)
    more = poses.people(rows)
    return replace(
        more,
        ids=np.arange(len(on)),
        person_image=np.array(on),
        extras={"image_number": np.arange(len(poses.images))},
    )


def test_people_follow_their_images(tmp_path):
    poses = shared_images(tmp_path, [0, 3, 1, 3])
    kept = keep_images(poses, np.array([False, True, False, True]))
    assert kept.images == ("images/001.jpg", "images/003.jpg")
    assert kept.ids.tolist() == [1, 2, 3]
    assert [kept.image_path(k).name for k in range(3)] == ["003.jpg", "001.jpg", "003.jpg"]
    assert kept.extras["image_number"].tolist() == [1, 3]
    assert keep_images(poses, np.ones(4, dtype=bool)) is poses


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 5), min_size=2, max_size=12), st.integers(1, 12), st.integers(0, 9))
def test_a_limit_takes_whole_images_and_never_none(tmp_path, on, count, seed):
    poses = shared_images(tmp_path, on)
    part = limit_people(poses, count, seed)
    crowd = np.bincount(on)
    for row in part.ids.tolist():  # everybody on the person's image is there too
        assert (part.person_image == part.person_image[part.ids.tolist().index(row)]).sum() == crowd[on[row]]
    assert len(part) >= 1
    assert len(part) <= max(count, crowd.max())
    assert limit_people(poses, count, seed).ids.tolist() == part.ids.tolist()


def test_a_limit_above_the_set_changes_nothing(tmp_path):
    poses = shared_images(tmp_path, [0, 1])
    assert limit_people(poses, 2, 0) is poses


def test_images_are_drawn_by_the_seed(tmp_path):
    poses = people(tmp_path, 12)
    draws = {limit_images(poses, 4, seed).images for seed in range(6)}
    assert all(len(images) == 4 for images in draws)
    assert len(draws) > 3
    assert limit_images(poses, 99, 0).images == poses.images


def test_missing_images_are_an_error_or_dropped(tmp_path):
    poses = people(tmp_path, 4)
    poses.image_path(2).unlink()
    with pytest.raises(UserError, match=r"002\.jpg: annotated but not there \(1 of 4 images of made train"):
        present(poses, "error")
    assert present(poses, "drop").ids.tolist() == [100, 101, 103]
    # Absence of an image that nobody needs is no error; it leaves all the same.
    assert present(poses, "error", needed=np.array([0, 1])).ids.tolist() == [100, 101, 103]
    with pytest.raises(UserError, match="annotated but not there"):
        present(poses, "error", needed=np.array([2]))


def test_a_set_without_any_image_is_an_error_even_when_dropping(tmp_path):
    poses = people(tmp_path, 2)
    for k in range(2):
        poses.image_path(k).unlink()
    with pytest.raises(UserError, match="no person of made train has an image there"):
        present(poses, "drop")


def test_a_set_that_has_no_image_at_all_is_named(tmp_path):
    empty = people(tmp_path, 1).on_images(np.zeros(1, bool))
    with pytest.raises(UserError, match="has no image, so nobody to train on or measure"):
        present(empty, "drop")
