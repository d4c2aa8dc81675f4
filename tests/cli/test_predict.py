"""posereg predict: any pictures, top-down with boxes or whole, and bottom-up."""

import json
import re

import cv2
import numpy as np
import pytest
import torch

from posereg import config as configs
from posereg.cli import predict
from posereg.cli.program import invoke
from posereg.errors import UserError
from posereg.models import cards
from posereg.predict import detector, video
from posereg.predict.pack import pack
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
    words = [f"checkpoint={model}", f"out={out}", f"boxes={tmp_path / 'boxes.json'}", "device=cpu"]
    assert invoke(["predict", str(picture), *words]) == 0
    text = (out / "predictions.json").read_text()
    assert [person["bbox"] for person in json.loads(text)["people"]] == boxes
    assert all(len(digits) <= 4 for digits in re.findall(r"\.(\d+)", text))
    words = [f"checkpoint={model}", f"out={out}", "device=cpu", "overwrite=true"]
    assert invoke(["predict", str(picture), *words]) == 0
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
    with pytest.raises(UserError, match="SOURCE is missing"):
        invoke(["predict", f"checkpoint={trained / 'last.ckpt'}"])
    with pytest.raises(UserError, match="no image at"):
        invoke(["predict", f"checkpoint={trained / 'last.ckpt'}", f"source={tmp_path}", f"out={tmp_path}"])
    with pytest.raises(UserError, match="no such file"):
        invoke(["predict", f"checkpoint={tmp_path / 'x.ckpt'}", f"source={tmp_path}", f"out={tmp_path}"])
    (tmp_path / "x.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match=r"x\.ckpt: not a file that torch\.save wrote"):
        invoke(["predict", f"checkpoint={tmp_path / 'x.ckpt'}", f"source={tmp_path}", f"out={tmp_path}"])


def test_a_photo_needs_no_further_word(trained, tmp_path, monkeypatch, capsys):
    (tmp_path / "shipped/tiny").mkdir(parents=True)
    pack(trained, "tiny", tmp_path / "shipped")
    monkeypatch.setattr(cards, "SHIPPED", tmp_path / "shipped")
    picture = next((data_set("mpii") / "images").glob("*.jpg"))
    (tmp_path / "photo.jpg").write_bytes(picture.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert invoke(["predict", "photo.jpg"]) == 0
    assert "1 people in 1 images: photo_poses/predictions.json" in capsys.readouterr().out
    (person,) = json.loads((tmp_path / "photo_poses/predictions.json").read_text())["people"]
    height, width = cv2.imread(str(picture)).shape[:2]
    assert person["bbox"] == [0, 0, width, height]
    assert (tmp_path / "photo_poses/overlays/photo.jpg").exists()
    # The same again is quick and changes nothing; another model is not mixed in.
    assert invoke(["predict", "photo.jpg"]) == 0
    with pytest.raises(UserError, match="photo_poses holds another prediction"):
        invoke(["predict", "photo.jpg", "flip_test=true"])
    assert invoke(["predict", "photo.jpg", "flip_test=true", "overwrite=true"]) == 0


def test_a_picture_of_sixteen_bits_is_said(trained, tmp_path, capsys):
    """Twelve bits of a camera in sixteen are all but black by the upper eight."""
    (tmp_path / "in").mkdir()
    for name, kind in (("a.png", np.uint16), ("b.png", np.uint8)):
        cv2.imwrite(str(tmp_path / "in" / name), np.full((40, 30, 3), 200, kind))
    words = [f"checkpoint={trained / 'last.ckpt'}", f"out={tmp_path / 'out'}", "device=cpu", "overlays=false"]
    assert invoke(["predict", str(tmp_path / "in"), *words]) == 0
    assert "1 of 2 images have more than 8 bits a channel" in capsys.readouterr().err


def test_all_formats_and_a_bad_picture(trained, tmp_path, capsys):
    picture = next((data_set("mpii") / "images").glob("*.jpg"))
    for name in ("in/1.jpg", "in/deep/2.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(picture.read_bytes())
    (tmp_path / "in/3.jpg").write_bytes(b"no picture")
    words = [
        f"checkpoint={trained}",
        f"out={tmp_path / 'out'}",
        "formats=json,coco,csv,labels",
        "overlays=false",
    ]
    assert invoke(["predict", str(tmp_path / "in"), *words]) == 1
    assert "1 of 3 images could not be read" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "predictions.jsonl", "predictions.json", "coco_results.json", "predictions.csv", "labels.json"
    }  # fmt: skip


def test_a_video_becomes_lines_and_a_video(trained, tmp_path, capsys):
    picture = cv2.imread(str(next((data_set("mpii") / "images").glob("*.jpg"))))[..., ::-1]
    with video.writer(tmp_path / "walk.mp4", 10) as add:
        for _ in range(3):
            add(picture)
    words = [f"checkpoint={trained}", f"out={tmp_path / 'out'}", "formats=json,csv"]
    assert invoke(["predict", str(tmp_path / "walk.mp4"), *words]) == 0
    assert "3 people in 3 frames" in capsys.readouterr().out
    assert len((tmp_path / "out/predictions.jsonl").read_text().splitlines()) == 4
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "predictions.jsonl", "predictions.csv", "overlay.mp4"
    }  # fmt: skip
    with pytest.raises(UserError, match="no image files"):
        invoke(["predict", str(tmp_path / "walk.mp4"), f"checkpoint={trained}", "formats=labels"])
    with pytest.raises(UserError, match="of videos take boxes=detect"):
        invoke(["predict", str(tmp_path / "walk.mp4"), f"checkpoint={trained}", "boxes=b.json"])


def test_people_who_fill_little_of_a_picture_are_warned_of(trained, tmp_path, capsys):
    picture = next((data_set("mpii") / "images").glob("*.jpg"))
    found = {"bbox": [0, 0, 100, 80], "score": 1.0, "keypoints": {"a": [10, 10, 1.0], "b": [59, 12, 1.0]}}
    larger = {**found, "keypoints": {"a": [10, 10, 1.0], "b": [61, 12, 1.0]}}
    entries = [
        {"image": name, "width": 100, "height": 80, "people": [person]}
        for name, person in {"far.jpg": found, "near.jpg": larger}.items()
    ]

    class Entries:
        def entries(self):
            return entries

    predict._warn_of_small_people(Entries())
    assert "in 1 of 2 pictures the person fills less than half" in capsys.readouterr().err
    entries = entries[1:]
    predict._warn_of_small_people(Entries())
    assert capsys.readouterr().err == ""
    # Who said where the people are is not told to say it.
    (tmp_path / "boxes.json").write_text(json.dumps([{"image": picture.name, "bbox": [1, 1, 9, 9]}]))
    words = [f"checkpoint={trained}", f"out={tmp_path / 'out'}", f"boxes={tmp_path / 'boxes.json'}"]
    assert invoke(["predict", str(picture), *words]) == 0
    assert "fills less" not in capsys.readouterr().err


def test_people_of_a_video_are_numbered_and_smoothed(trained, tmp_path, capsys):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    frames = [np.roll(noise, 2 * k, axis=1) for k in range(6)]
    with video.writer(tmp_path / "walk.mp4", 10) as add:
        for frame in frames:
            add(frame)
    out = tmp_path / "out"
    words = ["predict", str(tmp_path / "walk.mp4"), f"checkpoint={trained}", f"out={out}", "overlays=false"]
    assert invoke([*words, "smooth=true"]) == 0
    lines = (out / "predictions.jsonl").read_text().splitlines()
    people = [json.loads(line)["people"][0] for line in lines[1:]]
    assert [person["id"] for person in people] == [0] * len(frames)
    assert people[0]["keypoints"] == people[0]["unsmoothed"]
    assert people[3]["keypoints"] != people[3]["unsmoothed"]
    # Cut off after three frames, it goes on to the same lines.
    (out / "predictions.jsonl").write_text("\n".join(lines[:4]) + "\n")
    assert invoke([*words, "smooth=true"]) == 0
    again = (out / "predictions.jsonl").read_text().splitlines()
    assert again[:4] == lines[:4]
    # Other frames share a batch now, so a coordinate may be rounded to the next hundredth of a pixel.
    for before, after in zip(lines[4:], again[4:], strict=True):
        one, other = (json.loads(line)["people"][0] for line in (before, after))
        assert one["id"] == other["id"]
        for kind in ("keypoints", "unsmoothed"):
            assert list(one[kind]) == list(other[kind])
            expected = np.array(list(one[kind].values()), float)
            assert np.array(list(other[kind].values()), float) == pytest.approx(expected, abs=0.021)
    with pytest.raises(UserError, match="another prediction"):
        invoke([*words, "track=true"])
    picture = next((data_set("mpii") / "images").glob("*.jpg"))
    with pytest.raises(UserError, match="pictures are no video"):
        invoke(["predict", str(picture), f"checkpoint={trained}", "track=true"])


def test_detected_people(trained, tmp_path, monkeypatch):
    class Half(torch.nn.Module):
        def forward(self, images):
            height, width = images[0].shape[1:]
            found = {"boxes": torch.tensor([[0.0, 0, width / 2, height]]), "labels": torch.tensor([1])}
            return [{**found, "scores": torch.tensor([0.9])}]

    monkeypatch.setattr(detector, "load_detector", lambda name, weights: Half())
    picture = next((data_set("mpii") / "images").glob("*.jpg"))
    words = [f"checkpoint={trained}", f"out={tmp_path}", "boxes=detect"]
    assert invoke(["predict", str(picture), *words]) == 0
    (person,) = json.loads((tmp_path / "predictions.json").read_text())["people"]
    height, width = cv2.imread(str(picture)).shape[:2]
    assert person["bbox"] == [0, 0, width / 2, height]


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("photos/photo.jpg", "photo_poses"), ("photos/", "photos_poses"), ("walk.mp4", "walk_poses"),
        ("0", "webcam0_poses"), ("photos/*.jpg", "poses"), ("rtsp://camera/1", "poses"),
    ],
)  # fmt: skip
def test_the_folder_is_called_as_the_source(source, out):
    assert predict._default_out(source) == out
