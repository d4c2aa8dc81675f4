"""What every COCO file is checked for, whatever data set it holds."""

import numpy as np
import pytest

from data.formats.coco_files import person, write
from posereg.data.formats import coco, coco_json
from posereg.errors import UserError
from posereg.skeletons.skeleton import COCO


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"image_id": 77}, "person 5 is on image 77, which is not listed"),
        ({"keypoints": [1, 2, 2] * 14}, "person 5 has 14 joints, coco has 17"),
    ],
)
def test_annotations_that_do_not_fit_are_named(tmp_path, change, word):
    root = write(tmp_path, [person(5, **change)])
    with pytest.raises(UserError, match=word):
        coco.read(root, "val")


def test_foreign_json(tmp_path):
    (tmp_path / "a.json").write_text("[1, 2]")
    with pytest.raises(UserError, match="not a COCO annotation file"):
        coco.read(tmp_path, "val", annotations="a.json")


def test_boxes_end_at_the_last_pixel_as_the_published_code_has_it():
    """simple-baselines: x2 = min(width - 1, x1 + max(0, w - 1)), by hand for three boxes on 100 x 80."""
    annotated = coco_json.Annotated(
        images=[{"width": 100, "height": 80}],
        annotations=[{}] * 3,
        person_image=np.zeros(3, np.int64),
        keypoints=np.zeros((3, 17, 2), np.float32),
        visibility=np.zeros((3, 17), np.uint8),
        bbox=np.array([[-5.0, 2, 40, 60], [90, 70, 40, 40], [3, 4, 0.5, 0]]),
        crowd=np.zeros(3, bool),
    )
    assert coco_json.clipped(annotated).tolist() == [[0, 2, 39, 61], [90, 70, 99, 79], [3, 4, 3, 4]]


def test_unlabelled_joints_lose_their_coordinates_and_short_lists_of_zeros_are_no_joints(tmp_path):
    hidden = person(1)
    hidden["keypoints"][5] = 0  # joint 1: flag 0, coordinates left in place
    root = write(tmp_path, [hidden, person(2, keypoints=[0] * 6, iscrowd=1), person(3, keypoints=None)])
    loaded = coco_json.load(root / "annotations/person_keypoints_val2017.json", COCO)
    assert loaded.keypoints[0, 1].tolist() == [0, 0]
    assert loaded.keypoints[0, 2].tolist() == [7, 8]
    assert not loaded.visibility[1:].any()
    assert loaded.crowd.tolist() == [False, True, False]


def test_a_file_without_people_is_an_empty_set_of_its_images(tmp_path):
    root = write(tmp_path, [])
    loaded = coco_json.load(root / "annotations/person_keypoints_val2017.json", COCO)
    assert len(loaded.images) == 3
    assert loaded.keypoints.shape == (0, 17, 2)
    assert coco_json.clipped(loaded).shape == (0, 4)
