"""posereg data convert: what it writes is read again, and pictures inside SLEAP's labels come out."""

import json
from pathlib import Path

import cv2
import pytest
import sleap_io as sio

from mice import as_slp, mice
from posereg.cli import data_convert
from posereg.cli.program import invoke
from posereg.errors import UserError


def test_a_form_in_another_and_what_was_left_out(tmp_path, monkeypatch, capsys):
    content = mice(tmp_path, 4)
    content["annotations"][1]["iscrowd"] = 1
    (tmp_path / "mouse.json").write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    assert invoke(["data", "convert", "from=mouse.json", "to=mouse.slp", "images=pictures"]) == 0
    said = capsys.readouterr().out
    assert "mouse.slp: 3 animals on 4 pictures, 12 joints each" in said
    assert "1 crowd regions: 101" in said
    assert len(list(sio.load_slp("mouse.slp", open_videos=False).instances)) == 3
    with pytest.raises(UserError, match=r"to=mouse.slp: is there already"):
        invoke(["data", "convert", "from=mouse.json", "to=mouse.slp"])
    with pytest.raises(UserError, match=r"from=x.json: no such file"):
        data_convert.run(Path("x.json"), Path("y.json"), None, None, None)


def test_pictures_inside_the_labels_come_out(tmp_path, monkeypatch):
    as_slp(tmp_path, mice(tmp_path, 3))
    sio.save_slp(
        sio.load_slp(str(tmp_path / "mouse.slp")), str(tmp_path / "all.pkg.slp"), embed="all", verbose=False
    )
    monkeypatch.chdir(tmp_path)
    assert invoke(["data", "convert", "from=all.pkg.slp", "to=made.json"]) == 0
    found = json.loads((tmp_path / "made.json").read_text())
    assert [image["file_name"] for image in found["images"]] == [
        f"made_pictures/{k:06}.png" for k in range(3)
    ]
    shown, stored = (cv2.imread(str(tmp_path / p)) for p in ("made_pictures/000001.png", "pictures/001.png"))
    assert (shown == stored).all()
    assert invoke(["data", "init", "made_pictures", "made.json", "out=made.yaml"]) == 0
    assert invoke(["data", "check", "data=made.yaml", "people=1"]) == 0
