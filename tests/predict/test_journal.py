"""The journal: what was written is there after any end, and another prediction is not mixed with it."""

import json

import numpy as np
import pytest

from posereg.errors import UserError
from posereg.predict.journal import Journal, people_of

HEADER = {"model": "a", "source": "photos"}


def entry(name):
    return {"image": name, "width": 4, "height": 3, "people": []}


def test_entries_are_on_disk_at_once_and_come_back(tmp_path):
    path = tmp_path / "out/predictions.jsonl"
    with Journal(path, HEADER) as journal:
        journal.add(entry("ä.jpg"))
        assert json.loads(path.read_text().splitlines()[1]) == entry("ä.jpg")
        journal.add(entry("b.jpg"))
    with Journal(path, HEADER) as journal:
        assert journal.done == {"ä.jpg", "b.jpg"}
        assert [each["image"] for each in journal.entries()] == ["ä.jpg", "b.jpg"]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_cut_off_is_forgotten(tmp_path, cut):
    path = tmp_path / "predictions.jsonl"
    with Journal(path, HEADER) as journal:
        journal.add(entry("a.jpg"))
        journal.add(entry("b.jpg"))
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path, HEADER) as journal:
        assert journal.done == {"a.jpg"}
        journal.add(entry("b.jpg"))
    with Journal(path, HEADER) as journal:
        assert [each["image"] for each in journal.entries()] == ["a.jpg", "b.jpg"]


def test_another_prediction_is_refused_unless_it_is_to_go(tmp_path):
    path = tmp_path / "predictions.jsonl"
    with Journal(path, HEADER) as journal:
        journal.add(entry("a.jpg"))
    with pytest.raises(UserError, match=r"holds another prediction \(model was 'a'\)"):
        Journal(path, {**HEADER, "model": "b"})
    with Journal(path, {**HEADER, "model": "b"}, overwrite=True) as journal:
        assert not journal.done


@pytest.mark.parametrize("content", ["nothing\n", "{}\n[]\n", '{"model": "a", "source": "photos"}\n{}\n'])
def test_a_foreign_file_is_named(tmp_path, content):
    (tmp_path / "predictions.jsonl").write_text(content)
    with pytest.raises(UserError, match=r"predictions\.jsonl|holds another prediction"):
        Journal(tmp_path / "predictions.jsonl", HEADER)


def test_numbers_have_the_digits_that_mean_something():
    people = people_of(
        np.array([[[1.23456, 2.0], [3.0, 4.5678]]]),
        np.array([[0.123456, 1.0]]),
        np.array([[0, 0, 9.999, 5]]),
        ["a", "b"],
    )
    assert people == [
        {
            "bbox": [0, 0, 10.0, 5],
            "score": 0.5617,
            "keypoints": {"a": [1.23, 2.0, 0.1235], "b": [3.0, 4.57, 1.0]},
        }
    ]
