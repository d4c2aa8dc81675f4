"""The data set of a result: by name, with the choices of people that the result was made with."""

from pathlib import Path

import pytest

from mice import mice
from posereg.errors import UserError
from posereg.reporting.data_set import source_of
from tiny import data_set


def result(**data):
    return {"config": {"data": {"name": "synthetic", **data}}}


def test_people_are_chosen_as_the_run_chose_them():
    said = {"name": "lspet", "reader": {"ranges": {"train": [1, 4], "val": [5, 6]}, "crop": "joints"}}
    source = source_of(result(**said), Path("result.json"), data_set("lspet"))
    assert source.read("val").ids.tolist() == [5, 6]


def test_where_and_how_to_read_is_not_the_results_to_say(tmp_path):
    said = {"reader": {"_target_": "os.system"}, "root": str(tmp_path), "annotations": "/etc/passwd"}
    source = source_of(result(**said), Path("result.json"), data_set("mpii"))
    assert source.root == str(data_set("mpii"))
    assert source.annotations is None
    assert len(source.read("valid"))


def test_a_folder_that_is_not_there_says_how_to_name_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="root=DIR"):
        source_of(result(), Path("result.json"))


def test_a_data_set_of_the_users_own_is_read_from_its_file(tmp_path):
    folder = tmp_path / "my, mice"
    mice(folder, 5)
    said = {"name": "mouse", "file": str(folder / "mouse.yaml"), "reader": {"_target_": "os.system"}}
    source = source_of(result(**said), Path("result.json"))
    assert source.name == "mouse"
    assert len(source.read("val")) == 1
    for file in (str(tmp_path / "gone.yaml"), "/etc/passwd", 3):
        with pytest.raises(UserError, match=r"result.json: its data set mouse is described by .* not there"):
            source_of(result(name="mouse", file=file), Path("result.json"))
