"""A detector's boxes in place of people: which are kept, what they carry, and where a split's file is."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from data.made import people
from posereg.data.formats import detections
from posereg.errors import UserError


def box(image=0, score=0.9, bbox=(10, 20, 30, 40), category=1):
    return {"image_id": image, "category_id": category, "bbox": list(bbox), "score": score}


def write(tmp_path, *rows):
    (tmp_path / "boxes.json").write_text(json.dumps(rows))
    return tmp_path / "boxes.json"


def test_people_of_these_images_with_an_area_above_the_score_are_kept(tmp_path):
    file = write(
        tmp_path,
        box(1, 0.5),
        box(0, 0.4999),
        box(2, 0.9, (1, 2, 0, 5)),
        box(2, 0.9, category=17),
        box(77, 0.9),
        box(0, 0.8, (2, 4, 6, 8)),
    )
    found = detections.detected(people(tmp_path, 3), file, min_score=0.5)
    assert found.person_image.tolist() == [1, 0]
    assert found.ids.tolist() == [-1, -2]
    assert found.extras["box_score"].tolist() == [0.5, 0.8]
    assert found.extras["area"].tolist() == [1200, 48]
    assert found.extras["bbox"][1].tolist() == [2, 4, 6, 8]
    assert not found.visibility.any()
    assert found.keypoints.shape == (2, 16, 2)
    # 6 x 8 about (5, 8), a quarter more on each.
    assert found.boxes[1].tolist() == pytest.approx([5 - 3.75, 8 - 5, 5 + 3.75, 8 + 5])


@pytest.mark.parametrize(
    "bad",
    [
        (1, 2, 3, 4, 5),
        (1, 2, 3, 4, 5, 6),
        (1, float("nan"), 3, 4),
        (1, 2, float("inf"), 4),
        (1, 2, float("nan"), 4),
        (1, 2, 3, float("nan")),
    ],
)
def test_a_box_is_four_finite_numbers(tmp_path, bad):
    # Two of six numbers would pass for three of four.
    file = write(tmp_path, box(0, bbox=bad), box(1, bbox=bad))
    with pytest.raises(UserError, match=r"boxes\.json: a bbox is not four finite numbers"):
        detections.detected(people(tmp_path, 2), file)
    with pytest.raises(UserError, match=r"boxes\.json"):
        detections.detected(people(tmp_path, 2), write(tmp_path, box(0, bbox=bad), box(1)))


def test_a_score_that_is_none_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"boxes\.json: a score is not a finite number"):
        detections.detected(people(tmp_path, 2), write(tmp_path, box(0, float("nan")), box(1)))


def test_images_go_by_the_annotation_file_s_ids_and_people_by_its_category(tmp_path):
    poses = people(tmp_path, 3)
    keys = np.array(["p0", "7", str(2**70)], dtype=object)
    poses = replace(poses, category=5, extras={**poses.extras, "image_key": keys})
    rows = [box("p0", category=5), box(7), box(2**70, category="5"), box("p0", category=6), box(0)]
    del rows[1]["category_id"]
    assert detections.detected(poses, write(tmp_path, *rows)).person_image.tolist() == [0, 1, 2]


def test_columns_of_images_stay_and_those_of_people_go(tmp_path):
    poses = people(tmp_path, 2)
    poses = replace(poses, extras={"scale": np.ones(2), "image_size": np.full((2, 2), 64)})
    found = detections.detected(poses, write(tmp_path, box(), box(), box()))
    assert set(found.extras) == {"box_score", "bbox", "area", "image_size"}
    assert len(found) == 3


def test_boxes_beside_a_picture_whose_size_is_known_are_nobody_and_counted(tmp_path):
    poses = people(tmp_path, 3)
    poses = replace(poses, extras={**poses.extras, "image_size": np.array([[50, 40], [50, 40], [0, 0]])})
    places = [(49, 39), (50, 5), (5, 40), (-30, 5), (-29, 5)]
    file = write(tmp_path, *(box(k, bbox=(x, y, 30, 40)) for k in (1, 2) for x, y in places))
    found = detections.detected(poses, file)
    assert found.extras["bbox"][:2, 0].tolist() == [49, -29]
    assert found.person_image.tolist() == [1, 1, 2, 2, 2, 2]
    assert found.left_out == {detections.BESIDE: ("images/001.jpg",) * 3 + ("images/002.jpg",)}


def test_no_box_left_names_the_score(tmp_path):
    with pytest.raises(UserError, match=r"no person box with score >= 0\.95 on the images of made train"):
        detections.detected(people(tmp_path, 1), write(tmp_path, box()), min_score=0.95)


@pytest.mark.parametrize(
    "content", ['{"a": 1}', '[{"image_id": 0}]', '[{"image_id": 0, "category_id": 1, "bbox": 3, "score": 1}]']
)
def test_files_of_another_kind(tmp_path, content):
    (tmp_path / "boxes.json").write_text(content)
    with pytest.raises(UserError, match=r"boxes\.json"):
        detections.detected(people(tmp_path, 1), tmp_path / "boxes.json")


@pytest.mark.parametrize(
    ("boxes", "split", "file"),
    [
        (None, "val", None),
        ("a.json", "val", "a.json"),
        ("a.json", "train", None),  # training uses the annotated boxes
        ({"val": "a.json"}, "val", "a.json"),
        ({"val": "a.json"}, "test", None),
        ({"train": "b.json"}, "train", "b.json"),  # unless it is named
    ],
)
def test_the_file_of_a_split(boxes, split, file):
    found = detections.file_of(boxes, split, "train")
    assert (None if found is None else str(found)) == file


def test_hash_is_of_the_bytes(tmp_path):
    file = write(tmp_path, box())
    assert detections.file_hash(file) == hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    with pytest.raises(UserError, match="no such file"):
        detections.file_hash(tmp_path / "none.json")
