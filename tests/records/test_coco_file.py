"""What is made of COCO files that are not as the format says."""

import math

import numpy as np
import pytest

from posereg.errors import UserError
from posereg.records import coco_columns
from posereg.records.coco_file import (
    NEGATIVE,
    NOWHERE,
    RENUMBERED,
    coco_file,
    joint_order,
    key_of,
    places,
    whole,
)  # fmt: skip
from posereg.skeletons.skeleton import COCO, CROWDPOSE

JOINTS = list(COCO.joints)
POSE = [float(v) for k in range(17) for v in (10 + k, 20 + k, 2)]


def content(*people, names=None, categories=None):
    images = [{"id": k, "file_name": f"{k}.jpg"} for k in (1, 2)]
    categories = categories or [{"id": 1, "name": "person", **({"keypoints": names} if names else {})}]
    rows = [{"id": k, "image_id": 1, "category_id": 1, "keypoints": list(POSE), **one}
            for k, one in enumerate(people, 1)]  # fmt: skip
    return {"images": images, "annotations": rows, "categories": categories}


def read(*people, **more):
    return of_content(content(*people, **more))


def of_content(content, path="file.json"):
    return coco_file(coco_columns.of(content, path), path, COCO)


def poses(file):
    """(N, K, 3) as lists."""
    found = np.concatenate([np.zeros((*file.visibility.shape, 2)), file.visibility[..., None]], axis=2)
    for some, joints in places(file.columns, file.rows, file.visibility, file.order):
        found[some, :, :2] = joints
    return found.reshape(len(found), -1).tolist()


def test_a_sound_file_stays_as_it_is():
    file = of_content(content({}, {"id": 7}))
    assert (file.images.tolist(), file.image_ids.tolist()) == ([0, 1], [1, 2])
    assert (file.rows.tolist(), file.ids.tolist(), file.person_image_ids.tolist()) == ([0, 1], [1, 7], [1, 1])
    assert poses(file) == [POSE, POSE]
    assert file.num_keypoints.tolist() == [-1, -1]
    assert (file.category, file.order, file.left_out) == (1, None, {})


def test_joints_in_another_order_are_put_right_by_name():
    names = JOINTS[::-1]
    turned = np.reshape(POSE, (17, 3))[::-1].ravel().tolist()
    file = read({"keypoints": turned}, names=names)
    assert poses(file)[0] == POSE
    assert file.order == tuple(range(16, -1, -1))


def test_names_of_which_only_some_are_known_stand_where_they_should_or_are_refused():
    official = [*CROWDPOSE.joints[:12], "top_head", "throat"]
    assert joint_order(official, CROWDPOSE, "f") is None
    assert joint_order(None, CROWDPOSE, "f") is None
    moved = [official[1], official[0], *official[2:]]
    with pytest.raises(
        UserError, match=f"joint {moved[0]} is not where crowdpose has it, and the file's top_head"
    ):
        joint_order(moved, CROWDPOSE, "f")


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (2, -1, NEGATIVE), (2, None, NEGATIVE), (2, math.nan, NEGATIVE),
        (0, math.nan, NOWHERE), (1, math.inf, NOWHERE), (0, 1e30, NOWHERE), (1, None, NOWHERE),
    ],
)  # fmt: skip
def test_flags_and_places_that_are_none_leave_the_joint_unlabelled(at, value, reason):
    pose = list(POSE)
    pose[at] = value
    file = read({}, {"keypoints": pose, "num_keypoints": 17})
    assert file.left_out == {reason: ("2",)}
    assert poses(file)[1] == [0, 0, 0, *POSE[3:]]
    assert file.num_keypoints.tolist() == [-1, 16]
    assert poses(file)[0] == POSE


@pytest.mark.parametrize("flag", [0.4, 3, 1.5])
def test_confidences_are_refused(flag):
    with pytest.raises(UserError, match=rf"annotation 2 has visibility {flag:g}.*source.confidence"):
        read({}, {"keypoints": [*POSE[:2], flag, *POSE[3:]]})


def test_people_alone_are_kept_of_several_categories():
    both = [{"id": 1, "name": "horse"}, {"id": 2, "name": "person"}]
    file = read({}, {"category_id": 2}, {"category_id": 2}, categories=both)
    assert (file.category, file.ids.tolist()) == (2, [2, 3])


def test_the_only_category_with_poses_is_meant_and_several_are_refused():
    both = [{"id": 5, "name": "horse"}, {"id": 6, "name": "cow"}]
    horses = [{"category_id": 5}, {"category_id": 6, "keypoints": []}]
    assert read(*horses, categories=both).ids.tolist() == [1]
    with pytest.raises(UserError, match="none is 'person': horse, cow"):
        read({"category_id": 5}, {"category_id": 6}, categories=both)


@pytest.mark.parametrize("odd", [{"id": 1}, {"id": None}, {"id": "b"}, {"id": 2**70}])
def test_ids_that_do_not_tell_people_apart_are_given_anew(odd):
    file = read({}, odd, {"id": 12})
    assert file.ids.tolist() == [1, 2, 3]
    assert file.left_out == {RENUMBERED: ("1", "1") if odd == {"id": 1} else (str(odd["id"]),)}


def test_ids_as_text_and_number_are_the_same():
    file = read({"image_id": "2"}, {"image_id": 2.0, "id": "9"})
    assert file.person_image_ids.tolist() == [2, 2]
    assert file.ids.tolist() == [1, 9]
    assert (whole("-7", ""), whole(7.0, "")) == (-7, 7)


@pytest.mark.parametrize("value", [2**63, "x7", 1.5, None, True, [1]])
def test_image_ids_that_are_no_numbers_are_refused(value):
    with pytest.raises(UserError, match=r"file.json: image id .* is no whole number of 64 bits"):
        read({"image_id": value})


def test_an_image_id_for_two_pictures_is_refused_and_a_repeated_entry_is_one():
    twice = content({})
    twice["images"].append({"id": "1", "file_name": "1.jpg"})
    assert of_content(twice).image_ids.tolist() == [1, 2]
    twice["images"].append({"id": 1, "file_name": "3.jpg"})
    with pytest.raises(UserError, match=r"file.json: image id 1 is used twice: 1.jpg, 3.jpg"):
        of_content(twice)


@pytest.mark.parametrize(
    ("value", "key"), [(7, "7"), (7.0, "7"), ("7", "7"), (None, ""), ("a b", "a b"), (2**70, str(2**70))]
)
def test_the_same_id_in_any_form_is_the_same_text(value, key):
    assert key_of(value) == key


def test_numbers_written_as_texts_become_numbers():
    """A string among the coordinates would end the scoring, after the training."""
    keypoints = [0.0] * 51
    keypoints[:3] = ["7", 8, "2"]
    people = [{"id": 1, "image_id": 1, "keypoints": keypoints}]
    found = of_content({"images": [{"id": 1, "file_name": "a"}], "annotations": people})
    assert poses(found)[0][:3] == [7, 8, 2]
