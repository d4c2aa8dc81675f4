from pathlib import Path

import pytest
import yaml

from posereg.errors import UserError
from posereg.settings import own_data

SMALL = {"skeleton": {"joints": ["a", "b"]}, "source": {"format": "coco-json", "annotations": "a.json"}}


def write(folder, **changed):
    path = folder / "rat.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changed}))
    return path


def test_only_paths_of_yaml_files_describe_a_data_set():
    assert own_data.describes("x/mouse.yaml")
    assert own_data.describes("mouse.yml")
    assert not own_data.describes("mpii")


def test_what_is_not_said_has_a_value(tmp_path):
    found = own_data.read(write(tmp_path))
    assert (found["name"], found["root"]) == ("rat", str(tmp_path))
    assert found["metrics"] == {"pck": {"by": "box", "at": [0.05, 0.1, 0.2]}, "pixel_error": True}
    assert found["source"] == SMALL["source"]


def test_paths_start_from_the_file(tmp_path, monkeypatch):
    source = {**SMALL["source"], "root": "data"}
    path = write(tmp_path, source=source, skeleton="joints.yaml")
    monkeypatch.chdir(path.parent)
    found = own_data.read(Path("rat.yaml"))
    assert found["root"] == str(tmp_path / "data")
    assert found["skeleton"] == str(tmp_path / "joints.yaml")
    assert "root" not in found["source"]
    assert own_data.read(write(tmp_path, skeleton="coco"))["skeleton"] == "coco"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"skelton": {}}, "no such key 'skelton', did you mean 'skeleton'"),
        ({"skeleton": None}, "skeleton: is missing"),
        ({"source": None}, "source: is missing"),
        ({"source": [1]}, "source: must be keys and values"),
        ({"source": {"format": "coco"}}, "source.format: must be .*coco-json"),
        ({"source": {"format": "coco-json"}}, "source.annotations: is missing"),
        ({"source": {**SMALL["source"], "split": {}}}, "source.split', did you mean"),
        ({"source": {**SMALL["source"], "levels": [4095, 0]}}, r"source.levels: must be .*\[0, 4095\]"),
        ({"source": {**SMALL["source"], "levels": 4095}}, "source.levels: must be"),
        ({"source": {**SMALL["source"], "levels": [0, "x"]}}, "source.levels: must be"),
        ({"metrics": {"pkc": {}}}, "metrics.pkc', did you mean"),
        ({"metrics": {"pck": {"at": 0.1}}}, "metrics.pck.at: must be a list of thresholds"),
        ({"metrics": {"pck": {"at": [0.1, -1]}}}, "metrics.pck.at: must be a list of thresholds"),
        ({"metrics": {"pck": {"to": "box"}}}, "no such key 'metrics.pck.to'"),
        ({"metrics": {"pck": "box"}}, "metrics.pck: must be keys and values"),
        ({"metrics": {"oks": {"area": "bbox"}}}, "metrics.oks.area: must be annotated or box, not 'bbox'"),
        ({"metrics": {"oks": {"sigma": 1}}}, "no such key 'metrics.oks.sigma'"),
        ({"metrics": {"pixel_error": 3}}, "metrics.pixel_error: must be true or false"),
        ({"name": "../x"}, "name: must be"),
    ],
)
def test_a_mistake_is_named(tmp_path, changed, said):
    path = write(tmp_path, **changed)
    with pytest.raises(UserError, match=said) as error:
        own_data.read(path)
    assert str(path) in str(error.value)
