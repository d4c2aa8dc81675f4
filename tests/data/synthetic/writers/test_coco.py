import json

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posereg.data.synthetic.make import make
from posereg.data.synthetic.writers.coco import mask_box, polygons, run_lengths


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make("coco", tmp_path_factory.mktemp("coco") / "set", 70, seed=3, size=160)


def load(root, split):
    return json.loads((root / f"annotations/person_keypoints_{split}2017.json").read_text())


@pytest.mark.parametrize("fill", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_run_lengths_decode_to_the_mask(fill):
    mask = np.random.default_rng(0).random((13, 9)) < fill
    runs = run_lengths(mask)
    assert sum(runs) == mask.size
    coded = coco_mask.frPyObjects({"counts": runs, "size": [13, 9]}, 13, 9)
    assert np.array_equal(coco_mask.decode(coded).astype(bool), mask)


def test_outlines_and_boxes_of_a_known_mask():
    mask = np.zeros((20, 30), dtype=bool)
    mask[4:9, 10:20] = True
    assert mask_box(mask) == [10, 4, 10, 5]
    assert sorted(polygons(mask)[0][::2]) == [10, 10, 19, 19]


def test_the_file_is_consistent(root):
    crowds, bare, flags = 0, 0, set()
    for split in ("train", "val"):
        data = load(root, split)
        images = {image["id"]: image for image in data["images"]}
        for image in data["images"]:
            assert cv2.imread(str(root / f"{split}2017" / image["file_name"])).shape == (
                image["height"],
                image["width"],
                3,
            )
        ids = [a["id"] for a in data["annotations"]]
        assert len(set(ids)) == len(ids)
        for a in data["annotations"]:
            image = images[a["image_id"]]
            points = np.array(a["keypoints"]).reshape(17, 3)
            labelled = points[:, 2] > 0
            assert a["num_keypoints"] == labelled.sum()
            assert not points[~labelled].any()
            assert (points[labelled, :2] > -0.6).all()
            assert (points[labelled, :2] < [image["width"] - 0.4, image["height"] - 0.4]).all()
            coded = coco_mask.frPyObjects(a["segmentation"], image["height"], image["width"])
            area = float(np.sum(coco_mask.area(coded)))
            if a["iscrowd"]:
                crowds += 1
                assert area == a["area"]
                assert a["num_keypoints"] == 0
            else:
                # Outlines run through pixel centres, so thin people lose a rim.
                assert area < a["area"] * 1.3 + 20
                bare += a["num_keypoints"] == 0
            flags |= set(points[:, 2].astype(int).tolist())
            x, y, w, h = a["bbox"]
            assert 0 <= x <= x + w <= image["width"]
            assert 0 <= y <= y + h <= image["height"]
            assert a["area"] <= w * h
    assert crowds > 0
    assert bare > 0
    assert flags == {0, 1, 2}


def test_the_official_evaluator_gives_the_truth_full_marks(root, tmp_path, capsys):
    path = root / "annotations/person_keypoints_train2017.json"
    data = load(root, "train")
    found = [
        {"image_id": a["image_id"], "category_id": 1, "keypoints": a["keypoints"], "score": 1.0}
        for a in data["annotations"]
        if a["num_keypoints"]
    ]
    truth = COCO(str(path))
    evaluator = COCOeval(truth, truth.loadRes(found), "keypoints")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    assert evaluator.stats[0] == pytest.approx(1.0)


def test_splits_share_no_picture(root):
    ids = [{image["id"] for image in load(root, split)["images"]} for split in ("train", "val")]
    assert len(ids[0]) == 56
    assert len(ids[1]) == 14
    assert not ids[0] & ids[1]
