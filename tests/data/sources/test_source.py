"""A data set's parts are called as its config says: reader, truth, boxes and metric, split by split."""

import json
from pathlib import Path

import pytest

from data.made import people
from posereg.data.sources.source import Source
from posereg.errors import UserError


class Calls:
    """A reader that notes how it was called."""

    def __init__(self, poses=None):
        self.seen, self.poses = [], poses

    def __call__(self, **arguments):
        self.seen.append(arguments)
        return self.poses


def make(reader, **changed):
    return Source("made", "mpii", reader, lambda poses, predictions: (poses, predictions), "root", **changed)


def test_the_reader_gets_root_split_and_annotations():
    reader = Calls()
    make(reader, annotations="a.json").read("valid")
    assert reader.seen == [{"root": Path("root"), "split": "valid", "annotations": "a.json"}]


def test_annotations_by_split_and_a_split_without():
    reader = Calls()
    source = make(reader, annotations={"train": "t.json", "valid": "v.json"})
    source.read("valid")
    assert reader.seen[0]["annotations"] == "v.json"
    with pytest.raises(
        UserError, match=r"data\.annotations names no file for split 'test'; it has \['train', 'valid'\]"
    ):
        source.read("test")


def test_truth_is_the_reader_unless_the_set_has_one_of_its_own():
    reader, truth = Calls("people"), Calls("everyone")
    assert make(reader).read_truth("valid") == "people"
    assert make(reader, truth=truth).read_truth("valid") == "everyone"
    assert make(reader, truth=truth).score("valid", "predictions") == ("everyone", "predictions")
    assert make(reader, truth=truth).read("valid") == "people"


def test_everyone_is_asked_of_the_reader():
    reader = Calls()
    make(reader).read_everyone("val")
    assert reader.seen[0]["everyone"] is True


def test_boxes_replace_the_people_but_of_the_training_split(tmp_path):
    poses = people(tmp_path, 3)
    rows = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": s} for s in (0.3, 0.7)]
    (tmp_path / "boxes.json").write_text(json.dumps(rows))
    source = make(Calls(poses), boxes=tmp_path / "boxes.json", min_box_score=0.5)
    assert source.read("train") is poses
    assert source.box_file("train") is None
    detected = source.read("valid")
    assert detected.ids.tolist() == [-1]
    assert detected.person_image.tolist() == [1]
    assert source.read_truth("valid") is poses
