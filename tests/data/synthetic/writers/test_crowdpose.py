import json

import numpy as np
import pytest

from posereg.data.synthetic.make import make
from posereg.data.synthetic.writers.crowdpose import crowd_index
from shared import shared


def person(points: list[tuple[float, float]]) -> np.ndarray:
    made = np.zeros((14, 3))
    made[: len(points), :2], made[: len(points), 2] = points, 2
    return made


def test_crowd_index_of_a_case_done_by_hand():
    boxes = np.array([[0.0, 0, 10, 10], [5, 0, 10, 10], [100, 100, 5, 5]])
    # The first box holds 1 of the second's joints, the second 2 of the first's 4; the third is alone.
    joints = np.stack([
        person([(1, 1), (2, 2), (6, 6), (7, 7)]), person([(8, 8), (12, 2)]), person([(101, 101)]),
    ])  # fmt: skip
    assert crowd_index(boxes, joints) == pytest.approx((1 / 4 + 2 / 2 + 0) / 3)
    assert crowd_index(boxes[:1], joints[:1]) == 0
    assert crowd_index(np.zeros((0, 4)), np.zeros((0, 14, 3))) == 0


def by_image(data):
    people = {image["id"]: [] for image in data["images"]}
    for a in data["annotations"]:
        if not a["iscrowd"] and len(a["keypoints"]) == 42:
            people[a["image_id"]].append(a)
    for image in data["images"]:
        rows = people[image["id"]]
        boxes = np.array([a["bbox"] for a in rows]).reshape(-1, 4)
        yield image, boxes, np.array([a["keypoints"] for a in rows], dtype=float).reshape(-1, 14, 3)


def test_crowd_index_is_the_published_one_on_most_real_pictures():
    data = json.loads(shared("data/crowdpose/crowdpose_val.json").read_text())
    pairs = np.array(
        [(crowd_index(boxes, joints), image["crowdIndex"]) for image, boxes, joints in by_image(data)]
    )
    off = np.abs(pairs[:, 0] - pairs[:, 1])
    assert np.median(off) < 0.006  # published with two decimals
    assert (off < 0.011).mean() > 0.7


def test_the_files_follow_the_format(tmp_path):
    root = make("crowdpose", tmp_path / "set", 40, seed=1, size=128)
    levels, names = [], set()
    for split, count in (("train", 28), ("val", 6), ("test", 6)):
        data = json.loads((root / f"crowdpose_{split}.json").read_text())
        assert len(data["images"]) == count
        for image, boxes, joints in by_image(data):
            assert image["file_name"] == f"{image['id']}.jpg"
            assert (root / "images" / image["file_name"]).exists()
            assert image["crowdIndex"] == pytest.approx(crowd_index(boxes, joints), abs=0.0051)
            levels.append(image["crowdIndex"])
            names.add(image["file_name"])
            labelled = joints[..., 2] > 0
            low, high = boxes[:, None, :2], boxes[:, None, :2] + boxes[:, None, 2:]
            inside = ((joints[..., :2] >= low - 0.02) & (joints[..., :2] <= high + 0.02)).all(axis=-1)
            assert inside[labelled].all()
        assert all("area" not in a and "segmentation" not in a for a in data["annotations"])
        assert all(
            a["num_keypoints"] == sum(v > 0 for v in a["keypoints"][2::3]) for a in data["annotations"]
        )
        assert data["categories"][0]["keypoints"][-2:] == ["head", "neck"]
    assert len(names) == 40
    # Easy, medium and hard pictures all occur.
    assert min(levels) < 0.2
    assert max(levels) >= 0.8
