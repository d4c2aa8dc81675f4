"""Several splits as one: everybody once, each with the image and the labels it had."""

import shutil

import numpy as np
import pytest

from posereg.data.formats import coco, crowdpose, h80k, projection
from posereg.data.formats.splits import together
from tiny import data_set


def labels(poses):
    """What is known of each person, whatever the ids."""
    return {
        (poses.images[image], points.tobytes(), box.tobytes())
        for image, points, box in zip(poses.person_image, poses.keypoints, poses.boxes, strict=True)
    }


@pytest.mark.parametrize(
    ("kind", "read", "parts", "whole"),
    [
        ("coco", coco.read, ("train2017", "val2017"), "trainval2017"),
        ("coco", coco.read, ("train", "val"), "trainval"),
        ("crowdpose", crowdpose.read, ("train", "val"), "trainval"),
        ("h80k", h80k.read, ("train", "val"), "trainval"),
    ],
)
def test_train_and_val_as_one(kind, read, parts, whole, tmp_path):
    root = tmp_path / kind
    shutil.copytree(data_set(kind), root)
    for file in root.rglob("*trainval*.json"):
        file.unlink()
    each = [read(root, part) for part in parts]
    both = read(root, whole)
    assert len(both) == sum(map(len, each))
    assert labels(both) == labels(each[0]) | labels(each[1])
    assert len(set(both.ids.tolist())) == len(both)
    assert len(set(both.image_ids.tolist())) == len(both.images)
    assert both.annotation_hash not in [part.annotation_hash for part in each]
    assert both.split.startswith("trainval")


def test_a_file_of_its_own_is_taken_first(tmp_path):
    root = tmp_path / "crowdpose"
    shutil.copytree(data_set("crowdpose"), root)
    (source,) = root.rglob("crowdpose_val.json")
    shutil.copy(source, source.parent / "crowdpose_trainval.json")
    assert labels(crowdpose.read(root, "trainval")) == labels(crowdpose.read(root, "val"))


def test_projected_frames_of_both_splits_keep_their_own_cameras():
    root = data_set("h80k")
    parts = [projection.read(root, split) for split in ("train", "val")]
    both = projection.read(root, "trainval")
    np.testing.assert_array_equal(both.extras["z"], np.concatenate([part.extras["z"] for part in parts]))
    np.testing.assert_array_equal(both.keypoints, np.concatenate([part.keypoints for part in parts]))


def test_ids_that_occur_twice_go_on_from_the_first():
    poses = h80k.read(data_set("h80k"), "val")
    twice = together("all", [poses, poses, poses])
    assert len(set(twice.ids.tolist())) == 3 * len(poses)
    np.testing.assert_array_equal(twice.ids[: len(poses)], poses.ids)
