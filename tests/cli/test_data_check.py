import json

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from data.formats.coco_files import person, write
from mice import mice
from posereg.cli import data_check
from posereg.cli.program import invoke
from posereg.errors import UserError


@pytest.fixture
def root(tmp_path):
    """LSP with four people, all joints labelled."""
    rng = np.random.default_rng(0)
    joints = np.zeros((3, 14, 4))
    joints[:2] = rng.uniform(10, 90, (2, 14, 4))
    savemat(tmp_path / "joints.mat", {"joints": joints})
    for k in range(4):
        cv2.imwrite(str(tmp_path / f"im000{k + 1}.jpg"), np.full((100, 100, 3), 90, np.uint8))
    return tmp_path


def check(root, *more):
    ranges = "data.reader.ranges={train:[1,3],test:[4,4]}"
    return invoke(["data", "check", "data=lsp", f"data.root={root}", ranges, f"out={root / 'sheets'}", *more])


def test_report_and_contact_sheets(root, capsys):
    assert check(root, "people=2") == 0
    said = capsys.readouterr().out
    assert "lsp train: 3 people on 3 images, 42 labelled joints" in said
    assert "3 of 1000 people, 1000 were published" in said
    assert cv2.imread(str(root / "sheets" / "lsp_train.png")).shape == (256, 1280, 3)
    assert (root / "sheets" / "lsp_test.png").exists()


def test_missing_image_is_reported_and_fails(root, capsys):
    (root / "im0002.jpg").unlink()
    assert check(root, "split=train") == 1
    assert "! 1 of 3 images missing: im0002.jpg" in capsys.readouterr().out


def test_mistakes_are_named(root):
    with pytest.raises(UserError, match="people=many"):
        check(root, "people=many")
    with pytest.raises(UserError, match="no split 'tset', did you mean 'test'"):
        check(root, "split=tset")


def test_a_split_named_twice_is_checked_once(root, capsys):
    ranges = "data.reader.ranges={train:[1,3],test:[4,4]}"
    arguments = ["data=lsp", f"data.root={root}", ranges]
    assert data_check.run(arguments, ["test", "test"], root / "out", 5) == 0
    assert capsys.readouterr().out.count("lsp test: ") == 1
    assert [path.name for path in (root / "out").iterdir()] == ["lsp_test.png"]


def test_who_is_not_trained_on_is_listed(tmp_path, capsys):
    people = [person(4, bbox=(10, 20, 0, 40)), person(5), person(6, iscrowd=1)]
    root = write(tmp_path, people)
    for number in (1, 2, 9):
        cv2.imwrite(str(root / f"val2017/{number:012d}.jpg"), np.zeros((80, 100, 3), np.uint8))
    arguments = [
        "data", "check", "data=coco", f"data.root={root}", "split=val2017", "people=1", f"out={root / 'sheets'}",
    ]  # fmt: skip
    assert invoke(arguments) == 1
    said = capsys.readouterr().out
    assert "! 1 of 2 annotations: people whose box is empty or no box: 4" in said
    assert "- 1 of 2 annotations: crowd regions: 6" in said


def test_a_detectors_boxes_beside_their_picture_are_listed(tmp_path, capsys):
    root = write(tmp_path, [person(4)])
    for number in (1, 2, 9):
        cv2.imwrite(str(root / f"val2017/{number:012d}.jpg"), np.zeros((80, 100, 3), np.uint8))
    places = [(10, 10), (400, 10)]
    found = [{"image_id": 1, "category_id": 1, "bbox": [x, y, 30, 40], "score": 0.9} for x, y in places]
    (tmp_path / "found.json").write_text(json.dumps(found))
    arguments = [
        "data", "check", "data=coco", f"data.root={root}", f"data.boxes={tmp_path / 'found.json'}", "split=val2017",
        "people=1", f"out={root / 'sheets'}",
    ]  # fmt: skip
    invoke(arguments)
    assert "boxes of the detector beside their picture: val2017/000000000001.jpg" in capsys.readouterr().out


def test_a_metric_that_cannot_measure_the_annotations_is_named(tmp_path, monkeypatch):
    mice(tmp_path, 5)
    monkeypatch.chdir(tmp_path)
    described = (tmp_path / "mouse.yaml").read_text()
    for changed, said in (
        (described.replace("by: box", "by: [nose, tail_tp]"), "did you mean 'tail_tip'"),
        (described.replace("pixel_error", "oks"), "of 4 have no 'area'"),
    ):
        (tmp_path / "mouse.yaml").write_text(changed)
        with pytest.raises(UserError, match=said):
            invoke(["data", "check", "data=mouse.yaml", "people=1"])


def test_every_split_is_checked_also_after_one_without_anybody_and_leaks_are_named(
    tmp_path, monkeypatch, capsys
):
    mice(tmp_path, 5)
    monkeypatch.chdir(tmp_path)
    described = (tmp_path / "mouse.yaml").read_text()
    lists = "{none: [], train: mouse.json, val: mouse.json}"
    (tmp_path / "none.json").write_text(
        (tmp_path / "mouse.json").read_text().replace('"image_id"', '"image"')
    )
    (tmp_path / "mouse.yaml").write_text(
        described.replace(
            "annotations: mouse.json", f"annotations: {lists.replace('[]', 'none.json')}"
        ).replace("splits: {train: 0.8, val: 0.2}", "seed: 0")
    )
    assert invoke(["data", "check", "data=mouse.yaml", "split=none,train,val", "people=1"]) == 1
    said = capsys.readouterr().out
    assert "! 1 of 1 split without anybody" in said
    assert "no picture of anybody to show" in said
    assert "mouse train: 5 people" in said
    assert "! 5 of 5 images that train shows too: pictures/000.png" in said
