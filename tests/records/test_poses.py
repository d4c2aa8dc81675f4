"""The record of a data set: its shapes are checked, parts keep their images, its hash is of the files."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from data.made import people
from posereg.records.poses import PoseSet


def make(tmp_path, count=4) -> PoseSet:
    poses = people(tmp_path, count)
    return replace(poses, extras={**poses.extras, "image_size": np.tile([64, 48], (count, 1))})


@pytest.mark.parametrize(
    ("column", "shape"),
    [
        ("keypoints", (4, 16, 3)),
        ("visibility", (4, 15)),
        ("boxes", (3, 4)),
        ("person_image", (5,)),
        ("image_ids", (3,)),
    ],
)
def test_a_column_of_another_shape_is_named(tmp_path, column, shape):
    with pytest.raises(ValueError, match=column):
        replace(make(tmp_path), **{column: np.zeros(shape, np.int64)})


@pytest.mark.parametrize("column", ["scale", "image_size"])
def test_extra_columns_have_a_row_for_each_person_or_image(tmp_path, column):
    poses = make(tmp_path)
    with pytest.raises(ValueError, match=rf"extras\['{column}'\] has 3 rows, not 4"):
        replace(poses, extras={column: poses.extras[column][:3]})


def test_some_people_by_number_and_by_mask(tmp_path):
    poses = make(tmp_path)
    some = poses.people([3, 0])
    assert some.ids.tolist() == [103, 100]
    assert some.image_path(0) == tmp_path / "images/003.jpg"
    assert some.images == poses.images
    assert len(some.extras["scale"]) == 2
    assert len(some.extras["image_size"]) == 4  # of images, which all stay
    np.testing.assert_array_equal(some.keypoints[1], poses.keypoints[0])
    assert poses.people(np.array([True, False, False, True])).ids.tolist() == [100, 103]
    assert len(poses.people(np.array([], dtype=int))) == 0


def test_hash_is_sha256_of_the_annotation_file(tmp_path):
    poses = make(tmp_path)
    assert poses.annotation_hash == hashlib.sha256(b"made for tests\n").hexdigest()[:16]


def test_hash_of_a_folder_goes_by_name_whatever_the_order_of_writing(tmp_path):
    hashes = []
    for name, order in (("one", "ab"), ("two", "ba")):
        folder = tmp_path / name
        folder.mkdir()
        for letter in order:
            (folder / f"{letter}.csv").write_text(letter)
        hashes.append(replace(make(tmp_path), annotations=folder).annotation_hash)
    assert hashes[0] == hashes[1] == hashlib.sha256(b"ab").hexdigest()[:16]
