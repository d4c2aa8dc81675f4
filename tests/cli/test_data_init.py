"""The file that `data init` writes is one that `data check` takes, from any folder."""

import shutil
from pathlib import Path

import pytest

from mice import JOINTS, as_csv, as_slp, as_yolo, mice
from posereg.cli import data_init
from posereg.cli.program import invoke
from posereg.errors import UserError
from posereg.settings import own_data


@pytest.fixture
def folder(tmp_path):
    content = mice(tmp_path / "set", 6)
    (tmp_path / "set/mouse.yaml").unlink()
    as_csv(tmp_path / "set", content)
    as_slp(tmp_path / "set", content)
    as_yolo(tmp_path / "set", content, 4)
    return tmp_path


@pytest.mark.parametrize("annotations", ["mouse.json", "mouse.csv", "mouse.slp", "yolo/data.yaml"])
def test_what_it_writes_is_read_from_any_folder(folder, monkeypatch, capsys, annotations):
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    images = "../set/yolo/images" if annotations.startswith("yolo") else "../set/pictures"
    more = ["joints=" + ",".join(JOINTS)] if annotations.startswith("yolo") else []
    assert invoke(["data", "init", images, f"../set/{annotations}", "out=my.yaml", *more]) == 0
    said = capsys.readouterr().out
    assert "my.yaml: 12 joints; mirrored: L_ear/R_ear, L_paw/R_paw, L_hip/R_hip" in said
    monkeypatch.chdir(folder)
    assert invoke(["data", "check", "data=elsewhere/my.yaml", "split=train,val", "people=1"]) == 0
    said = capsys.readouterr().out
    counts = (4, 2) if annotations.startswith("yolo") else (5, 1)
    assert f"my train: {counts[0]} people on {counts[0]} images" in said
    assert f"my val: {counts[1]} people on {counts[1]} images" in said


def test_beside_the_annotations_no_path_leads_elsewhere(folder, monkeypatch):
    monkeypatch.chdir(folder / "set")
    assert invoke(["data", "init", "pictures", "mouse.json"]) == 0
    found = own_data.read("mouse_data.yaml")
    assert found["source"] == {
        "format": "coco-json", "annotations": "mouse.json", "images": "pictures", "splits": {"train": 0.8, "val": 0.2},
    }  # fmt: skip
    assert found["root"] == str(folder / "set")


def test_mistakes_are_named_and_nothing_is_overwritten(folder, monkeypatch):
    monkeypatch.chdir(folder / "set")
    for arguments, said in (
        (["nowhere", "mouse.json"], "nowhere: no such folder of pictures"),
        (["pictures", "none.json"], "none.json: no such annotation file"),
        (["pictures", "mouse.json", "out=x.txt"], "must end in .yaml"),
    ):
        with pytest.raises(UserError, match=said):
            invoke(["data", "init", *arguments])
    shutil.copy("mouse.json", "my.yaml")
    with pytest.raises(UserError, match=r"my.yaml: is there already"):
        data_init.run(Path("pictures"), Path("mouse.json"), Path("my.yaml"), None, None)
