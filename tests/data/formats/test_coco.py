import json

import numpy as np
from pycocotools import mask

from data.formats.coco_files import person, write
from posereg.data.formats import coco
from posereg.geometry.boxes import center_size
from shared import shared


def test_people_for_crops_leave_out_crowd_unlabelled_and_empty(tmp_path):
    root = write(
        tmp_path,
        [
            person(10),
            person(11, iscrowd=1, segmentation={"size": [80, 100], "counts": [8000]}),
            person(12, flags=0),
            person(13, area=0.0),
            person(14, bbox=(99.5, 10, 0.3, 20)),
            person(15, image=9, flags=1),
        ],
    )
    found = coco.read(root, "val")
    assert found.ids.tolist() == [10, 15]
    assert found.images == (
        "val2017/000000000001.jpg",
        "val2017/000000000002.jpg",
        "val2017/000000000009.jpg",
    )
    assert found.person_image.tolist() == [0, 2]
    assert found.visibility[:, 0].tolist() == [2, 1]
    assert found.keypoints[0, 3].tolist() == [8, 9]  # 0-based already
    everyone = coco.read(root, "val", everyone=True)
    assert everyone.ids.tolist() == [10, 11, 12, 13, 14, 15]
    assert everyone.extras["iscrowd"].tolist() == [False, True, False, False, False, False]
    assert everyone.extras["num_keypoints"].tolist() == [17, 17, 0, 17, 17, 17]


def test_boxes_are_clipped_and_padded(tmp_path):
    root = write(tmp_path, [person(1, bbox=(10, 20, 31, 41)), person(2, bbox=(-5, 60, 40, 60))])
    center, size = center_size(coco.read(root, "val").boxes)
    assert center.tolist() == [[25, 40], [19.5, 69.5]]
    assert size.tolist() == [[30 * 1.25, 40 * 1.25], [39 * 1.25, 19 * 1.25]]


def test_ignore_masks_hold_crowd_polygons_and_both_run_length_forms(tmp_path):
    counts = [800, 1600, 5600]  # columns 10 to 29 of 80 rows
    compressed = mask.frPyObjects({"size": [80, 100], "counts": counts}, 80, 100)["counts"].decode()
    root = write(
        tmp_path,
        [
            person(1, flags=0),
            person(2, image=2, iscrowd=1, segmentation={"size": [80, 100], "counts": counts}),
            person(3, image=9, iscrowd=1, segmentation={"size": [80, 100], "counts": compressed}),
            person(4, image=9, flags=0),
        ],
    )
    codes = coco.read(root, "val", everyone=True).extras["image_ignore"]
    first, second, third = (mask.decode({"size": [80, 100], "counts": code}).astype(bool) for code in codes)
    square, columns = np.zeros((80, 100), bool), np.zeros((80, 100), bool)
    square[10:30, 10:30] = True
    columns[:, 10:30] = True
    assert (first == square).all()
    assert (second == columns).all()
    assert (third == columns | square).all()


def test_real_coco_counts():
    """The facts of the two real files: labelled people of the crops, everybody, crowd regions."""
    root = shared("data/coco")
    for split in ("train2017", "val2017"):
        raw = json.loads((root / "annotations" / f"person_keypoints_{split}.json").read_text())
        usable = [a for a in raw["annotations"] if a["num_keypoints"] and not a["iscrowd"]]
        found = coco.read(root, split)
        assert found.ids.tolist() == [a["id"] for a in usable]
        assert len(coco.read(root, split, everyone=True)) == len(raw["annotations"])
        assert all((found.root / name).exists() for name in found.images)
        labelled = found.visibility > 0
        assert labelled.sum(axis=1).tolist() == [a["num_keypoints"] for a in usable]
        assert np.allclose(found.extras["area"], [a["area"] for a in usable])
