"""posereg predict: any pictures, top-down with boxes or whole, and bottom-up."""

import json
import re

import cv2
import pytest

from posereg import config as configs
from posereg.cli import predict
from posereg.cli.program import invoke
from posereg.errors import UserError
from posereg.records import predictions
from posereg.train import train
from tiny import data_set, overrides


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    given = overrides("mpii", folder, "method=R1")
    train(configs.compose(given), given)
    return folder / "synthetic/single/R1/seed0"


def test_whole_images_become_json_and_overlays(trained, tmp_path):
    pictures = sorted((data_set("mpii") / "images").glob("*.jpg"))[:3]
    source = tmp_path / "in"
    source.mkdir()
    for picture in pictures:
        (source / picture.name).write_bytes(picture.read_bytes())
    assert (
        invoke(
            ["predict", f"checkpoint={trained / 'last.ckpt'}", f"source={source}", f"out={tmp_path / 'out'}"]
        )
        == 0
    )
    found = json.loads((tmp_path / "out/predictions.json").read_text())
    assert [person["image"] for person in found["people"]] == [p.name for p in pictures]
    assert all(len(person["keypoints"]) == 16 for person in found["people"])
    for picture in pictures:
        overlay = cv2.imread(str(tmp_path / "out/overlays" / picture.name))
        assert overlay.shape == cv2.imread(str(picture)).shape


def test_boxes_come_back_as_they_were_given_and_numbers_are_short(trained, tmp_path):
    picture = sorted((data_set("mpii") / "images").glob("*.jpg"))[0]
    boxes = [[10, 20, 30.5, 60], [0, 0, 50, 50]]
    (tmp_path / "boxes.json").write_text(json.dumps([{"image": picture.name, "bbox": box} for box in boxes]))
    model, out = trained / "last.ckpt", tmp_path / "out"
    predict.run(model, str(picture), out, tmp_path / "boxes.json", None, "cpu", 32)
    text = (out / "predictions.json").read_text()
    assert [person["bbox"] for person in json.loads(text)["people"]] == boxes
    assert all(len(digits) <= 4 for digits in re.findall(r"\.(\d+)", text))
    predict.run(model, str(picture), out, None, None, "cpu", 32)
    height, width = cv2.imread(str(picture)).shape[:2]
    (person,) = json.loads((out / "predictions.json").read_text())["people"]
    assert person["bbox"] == [0, 0, width, height]


def test_boxes_give_what_the_run_itself_predicted(trained, tmp_path):
    # The validation people's own boxes, without padding, in the order of the run's predictions file.
    from posereg.build import load_method
    from posereg.data.formats import mpii
    from posereg.predict import predictor

    poses = mpii.read(data_set("mpii"), "valid")
    ours = predictor.predict(load_method(trained / "last.ckpt"), poses, device="cpu")
    saved = predictions.load(trained / "predictions.npz")
    order = [saved.ids.tolist().index(i) for i in ours.ids.tolist()]
    assert abs(ours.keypoints - saved.keypoints[order]).max() < 1e-2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"image": "a.jpg"}]', "entry 0 needs"),
        ("{}", "not a list"),
        ("[", "not valid JSON"),
        ('[{"image": "other.jpg", "bbox": [0, 0, 5, 5]}]', "none of the"),
    ],
)
def test_bad_boxes_are_named(trained, tmp_path, content, message):
    (tmp_path / "boxes.json").write_text(content)
    with pytest.raises(UserError, match=message):
        invoke(["predict", 
                f"checkpoint={trained / 'last.ckpt'}", f"source={data_set('mpii') / 'images'}",
                f"out={tmp_path / 'out'}", f"boxes={tmp_path / 'boxes.json'}",
            ]
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_missing_things_are_named(trained, tmp_path):
    with pytest.raises(UserError, match="source=, out= are missing"):
        invoke(["predict", f"checkpoint={trained / 'last.ckpt'}"])
    with pytest.raises(UserError, match="no image at"):
        invoke(["predict", f"checkpoint={trained / 'last.ckpt'}", f"source={tmp_path}", f"out={tmp_path}"])
    with pytest.raises(UserError, match="no such file"):
        invoke(["predict", f"checkpoint={tmp_path / 'x.ckpt'}", f"source={tmp_path}", f"out={tmp_path}"])
    (tmp_path / "x.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match=r"x\.ckpt: not a file that torch\.save wrote"):
        invoke(["predict", f"checkpoint={tmp_path / 'x.ckpt'}", f"source={tmp_path}", f"out={tmp_path}"])
