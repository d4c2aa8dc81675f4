"""One person a sample, one set after another, and columns that are not there."""

import numpy as np
import pytest

from data.made import people
from posereg.data.samples.augment import Augment
from posereg.data.samples.people import MixedDataset, TopDownDataset
from posereg.errors import UserError


def sets(tmp_path, *counts, **options):
    parts = []
    for number, count in enumerate(counts):
        poses = people(tmp_path / str(number), count, seed=number)
        parts.append(TopDownDataset(poses, (32, 48), **options))
    return parts


def test_a_plain_sample_is_the_persons_crop(tmp_path):
    (dataset,) = sets(tmp_path, 3)
    sample = dataset[0, 2]
    assert sample["index"] == 2
    assert sample["image"].shape == (48, 32, 3)
    to_image = sample["to_image"]
    labelled = sample["visibility"] > 0
    back = sample["keypoints"] @ to_image[:, :2].T + to_image[:, 2]
    np.testing.assert_allclose(back[labelled], dataset.poses.keypoints[2][labelled], atol=1e-3)
    again = dataset[5, 2]
    assert (again["image"] == sample["image"]).all()  # without augmentation the epoch does not matter


def test_augmented_samples_change_with_the_epoch_and_come_back(tmp_path):
    (dataset,) = sets(tmp_path, 2, augment=Augment(rotation=40, rotation_law="uniform"), seed=3)
    first, second = dataset[0, 0]["to_image"], dataset[1, 0]["to_image"]
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(dataset[0, 0]["to_image"], first)


def test_a_column_that_is_not_there_names_those_that_are(tmp_path):
    with pytest.raises(UserError, match="made has no column 'xyz'; it has scale"):
        sets(tmp_path, 1, extras=("scale", "xyz"))


def test_mixed_sets_count_through_and_each_row_is_its_own(tmp_path):
    parts = sets(tmp_path, 2, 1, 3)
    mixed = MixedDataset(parts)
    assert len(mixed) == 6
    order = [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1), (2, 2)]
    for index, (number, row) in enumerate(order):
        sample = mixed[4, index]
        assert sample["index"] == index
        np.testing.assert_array_equal(sample["keypoints"], parts[number][4, row]["keypoints"])
        np.testing.assert_array_equal(sample["image"], parts[number][4, row]["image"])


def test_mixed_sets_add_up_what_could_not_be_decoded(tmp_path):
    parts = sets(tmp_path, 2, 2, max_bad_images=1)
    mixed = MixedDataset(parts)
    assert mixed.report() is None
    for part in parts:
        part.poses.image_path(0).write_bytes(b"no image")
    mixed[0, 0], mixed[0, 2]
    assert mixed.undecodable() == 2
    assert mixed.report().count("1 undecodable images") == 2
    mixed.check()  # one in each set is allowed
    parts[1].poses.image_path(1).write_bytes(b"no image")
    parts[1].bad[1] = 1
    with pytest.raises(UserError, match="2 undecodable images, more than max_bad_images=1"):
        mixed.check()
