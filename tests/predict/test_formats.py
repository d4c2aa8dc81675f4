"""Formats: each is read back by what it is for."""

import csv
import json

import numpy as np
import PIL.Image
import pytest

from posereg.data.formats import coco
from posereg.errors import UserError
from posereg.evaluation import oks
from posereg.predict import formats
from posereg.predict.journal import Journal
from posereg.skeletons.skeleton import skeleton

COCO = skeleton("coco")


def person(offset, box=None):
    points = {name: [offset + k, offset + 2 * k, 0.5] for k, name in enumerate(COCO.joints)}
    return {"bbox": box, "score": 0.5, "keypoints": points}


def journal_of(path, key="image"):
    names = ["7.jpg", "deep/12.jpg", "3.jpg"] if key == "image" else [0, 1, 2]
    people = [[person(1.25, [1, 2, 30, 40]), person(9)], [], [person(4)]]
    with Journal(path / "predictions.jsonl", {"model": "tiny"}) as journal:
        for name, found in zip(names, people, strict=True):
            journal.add({key: name, "width": 64, "height": 48, "people": found})
    return journal


def test_one_json_file_has_everybody(tmp_path):
    formats.write(journal_of(tmp_path), ["json"], COCO, tmp_path)
    content = json.loads((tmp_path / "predictions.json").read_text())
    assert content["skeleton"] == "coco"
    assert [each["image"] for each in content["people"]] == ["7.jpg", "7.jpg", "3.jpg"]
    assert content["people"][0]["bbox"] == [1, 2, 30, 40]
    assert content["people"][2]["keypoints"]["nose"] == [4, 4, 0.5]


def test_coco_results_are_read_by_the_evaluation(tmp_path):
    formats.write(journal_of(tmp_path), ["coco"], COCO, tmp_path)
    results = oks.read_results(tmp_path / "coco_results.json")
    assert [each["image_id"] for each in results] == [7, 7, 3]
    assert results[0]["keypoints"][:6] == [1.25, 1.25, 0.5, 2.25, 3.25, 0.5]


def test_labels_are_read_as_a_data_set(tmp_path):
    formats.write(journal_of(tmp_path), ["labels"], COCO, tmp_path)
    (tmp_path / "images/deep").mkdir(parents=True)
    for name in ("7.jpg", "deep/12.jpg", "3.jpg"):
        PIL.Image.new("RGB", (64, 48)).save(tmp_path / "images" / name)
    poses = coco.read(tmp_path / "images", "all", annotations=tmp_path / "labels.json")
    assert len(poses) == 3
    assert poses.image_ids[poses.person_image].tolist() == [7, 7, 3]
    assert (poses.visibility == 2).all()
    np.testing.assert_allclose(poses.keypoints[0, 1], [2.25, 3.25])
    np.testing.assert_allclose(poses.extras["bbox"][0], [1, 2, 30, 40])
    np.testing.assert_allclose(poses.extras["bbox"][2], [4, 4, 16, 32])  # nobody gave one: that of the joints


def table_of(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))


def test_the_table_is_deeplabcuts(tmp_path):
    formats.write(journal_of(tmp_path), ["csv"], COCO, tmp_path)
    rows = table_of(tmp_path / "predictions.csv")
    assert [row[0] for row in rows] == [
        "scorer",
        "individuals",
        "bodyparts",
        "coords",
        "7.jpg",
        "deep/12.jpg",
        "3.jpg",
    ]
    assert {len(row) for row in rows} == {1 + 2 * 17 * 3}
    assert rows[1][1] == "individual1"
    assert rows[1][52] == "individual2"
    assert rows[2][1:5] == ["nose", "nose", "nose", "left_eye"]
    assert rows[3][1:4] == ["x", "y", "likelihood"]
    assert rows[4][1:4] == ["1.25", "1.25", "0.5"]
    assert set(rows[5][1:]) == {""}
    assert set(rows[6][52:]) == {""}


def test_one_person_a_picture_needs_no_individuals(tmp_path):
    with Journal(tmp_path / "predictions.jsonl", {"model": "tiny"}) as journal:
        journal.add({"frame": 0, "width": 4, "height": 4, "people": [person(1)]})
    formats.write(journal, ["csv"], COCO, tmp_path)
    assert [row[0] for row in table_of(tmp_path / "predictions.csv")] == [
        "scorer",
        "bodyparts",
        "coords",
        "0",
    ]


def test_people_that_were_told_apart_keep_their_columns(tmp_path):
    with Journal(tmp_path / "predictions.jsonl", {"model": "tiny"}) as journal:
        for frame, people in enumerate(
            ([{"id": 0, **person(1)}, {"id": 1, **person(2)}], [{"id": 1, **person(3)}])
        ):
            journal.add({"frame": frame, "width": 4, "height": 4, "people": people})
    formats.write(journal, ["csv"], COCO, tmp_path)
    first, second = table_of(tmp_path / "predictions.csv")[4:]
    assert (first[1], first[52]) == ("1", "2")
    assert (second[1], second[52]) == ("", "3")


def test_frames_are_no_labels_but_results(tmp_path):
    journal = journal_of(tmp_path, "frame")
    with pytest.raises(UserError, match="no image files"):
        formats.write(journal, ["labels"], COCO, tmp_path)
    formats.write(journal, ["coco"], COCO, tmp_path)
    assert [each["image_id"] for each in oks.read_results(tmp_path / "coco_results.json")] == [0, 0, 2]


def test_names_that_are_no_numbers_are_counted():
    named = [{"image": "a/7.jpg"}, {"image": "b/7.jpg"}]
    assert formats.image_ids(named) == [0, 1]
    assert formats.image_ids([{"image": "x.jpg"}, {"image": "7.jpg"}]) == [0, 1]
