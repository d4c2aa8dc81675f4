"""What every COCO file is checked for, whatever data set it holds."""

import json
import math

import cv2
import numpy as np
import PIL.Image
import pycocotools.mask
import pytest

from data.formats.coco_files import person, write
from posereg.data.formats import coco, coco_json, crowdpose
from posereg.errors import UserError
from posereg.records.poses import CROWD, ORDINARY, OTHER_SIZE, TWICE_LISTED, UNLABELLED
from posereg.skeletons.skeleton import COCO
from shared import shared


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
    boxes = np.array([[-5.0, 2, 40, 60], [90, 70, 40, 40], [3, 4, 0.5, 0]])
    found = coco_json.clipped(boxes, np.array([[100, 80]] * 3))
    assert found.tolist() == [[0, 2, 39, 61], [90, 70, 99, 79], [3, 4, 3, 4]]


def test_unlabelled_joints_lose_their_coordinates_and_short_lists_of_zeros_are_no_joints(tmp_path):
    hidden = person(1)
    hidden["keypoints"][5] = 0  # joint 1: flag 0, coordinates left in place
    root = write(tmp_path, [hidden, person(2, keypoints=[0] * 6, iscrowd=1), person(3, keypoints=None)])
    loaded = coco_json.load(root / "annotations/person_keypoints_val2017.json", COCO)
    assert loaded.keypoints()[0, 1].tolist() == [0, 0]
    assert loaded.keypoints()[0, 2].tolist() == [7, 8]
    assert not loaded.visibility[1:].any()
    assert loaded.crowd.tolist() == [False, True, False]


def test_a_file_without_people_is_an_empty_set_of_its_images(tmp_path):
    root = write(tmp_path, [])
    loaded = coco_json.load(root / "annotations/person_keypoints_val2017.json", COCO)
    assert len(loaded.file_names) == 3
    assert loaded.keypoints().shape == (0, 17, 2)
    assert coco_json.crops(loaded).shape == (0, 4)


def test_num_keypoints_that_make_ap_pass_over_labelled_people_are_named(tmp_path):
    """pycocotools ignores who has 0, and looks for who has more."""
    people = [person(1), person(2, num_keypoints=0), person(3, flags=0, num_keypoints=4), person(4, num_keypoints=3),
              person(5, num_keypoints=None), person(6, flags=0)]  # fmt: skip
    found = coco.read(write(tmp_path, people), "val")
    assert found.left_out == {coco_json.MISCOUNTED: ("2", "3"), UNLABELLED: ("3", "6")}


def test_crowdpose_counts_neither_head_nor_neck(tmp_path):
    head = [0] * 36 + [5, 5, 2, 6, 6, 2]
    people = [
        person(1, keypoints=head, num_keypoints=0),
        person(2, keypoints=[5, 5, 2] * 14, num_keypoints=0),
    ]
    write(tmp_path, people)
    found = crowdpose.read(tmp_path, "val", annotations="person_keypoints_val2017.json")
    assert found.left_out == {coco_json.MISCOUNTED: ("2",)}


def pictures(root, sizes, split="val2017"):
    """Blank JPEGs of 1.jpg, 2.jpg, 9.jpg, where a size is given as (width, height)."""
    for number, size in zip((1, 2, 9), sizes, strict=True):
        if size:
            cv2.imwrite(str(root / split / f"{number:012d}.jpg"), np.zeros((*size[::-1], 3), np.uint8))


def test_sizes_declared_with_width_and_height_exchanged_are_put_right(tmp_path):
    """The file says 100 x 80; a box at y = 85 lies on a picture of 80 x 100."""
    root = write(tmp_path, [person(1, bbox=(10, 85, 30, 10)), person(2, image=2, bbox=(85, 10, 10, 30))])
    pictures(root, [(80, 100), (100, 80), None])
    found = coco.read(root, "val")
    assert found.ids.tolist() == [1, 2]
    assert found.extras["image_size"].tolist() == [[80, 100], [100, 80], [100, 80]]
    assert found.left_out == {coco_json.EXCHANGED: ("val2017/000000000001.jpg",)}
    right = write(tmp_path / "right", [person(1, bbox=(10, 85, 30, 10))])
    file = right / "annotations/person_keypoints_val2017.json"
    content = json.loads(file.read_text())
    content["images"][0] |= {"width": 80, "height": 100}
    file.write_text(json.dumps(content))
    np.testing.assert_array_equal(found.boxes[:1], coco.read(right, "val").boxes)


def test_pictures_of_another_size_are_counted_and_sizes_that_are_missing_are_read(tmp_path):
    root = write(tmp_path, [person(1)])
    pictures(root, [(50, 40), (100, 80), (100, 80)])
    found = coco.read(root, "val")
    assert found.left_out == {OTHER_SIZE: ("val2017/000000000001.jpg",)}
    assert found.extras["image_size"][0].tolist() == [100, 80]
    file = root / "annotations/person_keypoints_val2017.json"
    content = json.loads(file.read_text())
    content["images"][0]["width"] = None
    del content["images"][2]["height"]
    file.write_text(json.dumps(content))
    found = coco.read(root, "val")
    assert found.left_out == {}
    assert found.extras["image_size"].tolist() == [[50, 40], [100, 80], [100, 80]]


def test_a_picture_that_exif_turns_is_not_taken_for_an_exchanged_one(tmp_path):
    """Its annotations were made on the turned picture: other pixels than those that are read."""
    root = write(tmp_path, [person(1)])
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.new("RGB", (80, 100)).save(root / "val2017/000000000001.jpg", exif=exif)
    assert list(coco.read(root, "val").left_out) == [OTHER_SIZE]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"iscrowd": 1}, CROWD),
        ({"flags": 0}, UNLABELLED),
        ({"bbox": (10, 20, 0, 40)}, "people whose box is empty or no box"),
        ({"bbox": (10, 20, -5, 40)}, "people whose box is empty or no box"),
        ({"bbox": (math.nan, 20, 5, 40)}, "people whose box is empty or no box"),
        ({"bbox": (1, 2, 3)}, "people whose box is empty or no box"),
        ({"bbox": (300, 20, 30, 40)}, "people whose box lies outside the picture or is too thin"),
        ({"area": 0}, "people whose area is 0"),
    ],
)
def test_who_is_left_out_is_counted_by_reason(tmp_path, fields, reason):
    found = coco.read(write(tmp_path, [person(4, **fields), person(5)]), "val")
    assert found.ids.tolist() == [5]
    assert found.left_out == {reason: ("4",)}


def test_people_without_an_area_are_trained_on_and_counted(tmp_path):
    without = person(4)
    del without["area"]
    found = coco.read(write(tmp_path, [without, person(5, area=None), person(6)]), "val")
    assert found.ids.tolist() == [4, 5, 6]
    assert list(found.left_out.values()) == [("4", "5")]
    assert np.isfinite(found.boxes).all()


def test_joints_at_no_place_reach_no_batch(tmp_path):
    wild = person(4)
    wild["keypoints"][0], wild["keypoints"][4], wild["keypoints"][6] = math.nan, 1e30, math.inf
    found = coco.read(write(tmp_path, [wild]), "val")
    assert found.visibility[0].tolist() == [0, 0, 0, *[2] * 14]
    assert np.isfinite(found.keypoints).all()


@pytest.mark.parametrize(
    "name",
    [
        "val2017/000000000001.jpg",
        "/home/me/val2017/000000000001.jpg",
        "C:\\coco\\000000000001.jpg",
        "000000000001.JPG",
    ],
)
def test_pictures_are_found_whatever_folder_their_names_have(tmp_path, name):
    root = write(tmp_path, [person(1)])
    pictures(root, [(100, 80), None, None])
    file = root / "annotations/person_keypoints_val2017.json"
    content = json.loads(file.read_text())
    content["images"][0]["file_name"] = name
    file.write_text(json.dumps(content))
    assert coco.read(root, "val").images[0] == "val2017/000000000001.jpg"


def test_two_names_for_one_picture_are_refused(tmp_path):
    root = write(tmp_path, [person(1)])
    pictures(root, [(100, 80), None, None])
    file = root / "annotations/person_keypoints_val2017.json"
    content = json.loads(file.read_text())
    content["images"][0]["file_name"] = "a/000000000001.jpg"
    content["images"][1]["file_name"] = "b/000000000001.jpg"
    file.write_text(json.dumps(content))
    with pytest.raises(
        UserError, match=r"'a/000000000001.jpg' and 'b/000000000001.jpg' both lead to val2017"
    ):
        coco.read(root, "val")


def test_a_picture_under_two_ids_is_named(tmp_path):
    root = write(tmp_path, [person(1), person(2, image=2)])
    file = root / "annotations/person_keypoints_val2017.json"
    content = json.loads(file.read_text())
    content["images"][1]["file_name"] = content["images"][0]["file_name"]
    file.write_text(json.dumps(content))
    assert coco.read(root, "val").left_out == {TWICE_LISTED: ("val2017/000000000001.jpg",)}


def test_odd_segmentations_are_counted_and_mask_nothing(tmp_path):
    crowds = [
        person(4, iscrowd=1, segmentation=[[math.nan] * 8]),
        person(5, iscrowd=1),
        person(6, segmentation=[[1]]),
    ]
    found = coco.read(write(tmp_path, crowds), "val", everyone=True)
    assert found.left_out == {coco.NO_SEGMENT: ("4",)}  # 6 has joints: nothing of it is masked
    (mask,) = [code for code in found.extras["image_ignore"] if code]
    assert pycocotools.mask.decode({"size": [80, 100], "counts": mask}).sum() == 400


def test_the_published_files_have_nothing_to_mend():
    for read, folder, split in (
        (coco.read, "data/coco", "val2017"),
        (crowdpose.read, "data/crowdpose", "val"),
    ):
        for everyone in (False, True):
            odd = set(read(shared(folder), split, everyone=everyone).left_out) - set(ORDINARY)
            assert not odd, (folder, odd)
