"""Example pictures: the right people, from easy to hard, cropped where they are."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from posereg.errors import UserError
from posereg.figures import people as pictures
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from reporting import made

PEOPLE = 21


@pytest.fixture
def truth(tmp_path: Path) -> PoseSet:
    poses = made.poses(tmp_path, PEOPLE)
    for name in poses.images:
        cv2.imwrite(str(tmp_path / name), np.full((256, 256, 3), 90, np.uint8))
    return poses


def predicted(truth: PoseSet, step: float) -> Predictions:
    """Person k misses by `step` times k pixels; stored in another order than the people's."""
    moved = truth.keypoints + step * np.arange(PEOPLE)[:, None, None]
    order = np.random.default_rng(0).permutation(PEOPLE)
    ones = np.ones((PEOPLE, 16), np.float32)
    return Predictions(
        truth.ids[order], truth.image_ids[order], moved[order].astype(np.float32), ones, ones[:, 0], {}
    )


def test_from_easy_to_hard_with_a_tile_a_row(truth: PoseSet) -> None:
    examples = pictures.gallery(
        truth, {"H1": predicted(truth, 2.0), "I1": predicted(truth, 1.0)}, count=5, side=64
    )
    people = [example.person for example in examples]
    assert people == sorted(people)
    assert people[0] <= 2
    assert people[-1] >= PEOPLE - 3
    for example in examples:
        assert [label for label, _ in example.tiles] == ["truth", "H1", "I1"]
        assert all(picture.shape == (64, 64, 3) for _, picture in example.tiles)
        share = 100 * example.person * 2**0.5 / 255
        assert example.errors["I1"] == pytest.approx(share, rel=1e-4)
        assert example.errors["H1"] == pytest.approx(2 * share, rel=1e-4)


def test_people_that_nobody_predicted_are_left_out(truth: PoseSet) -> None:
    some = predicted(truth, 1.0)
    some = some.rows(some.ids < 10)
    examples = pictures.gallery(truth, {"I1": some}, count=20, side=64)
    assert sorted(example.person for example in examples) == list(range(10))


def test_the_tile_shows_the_box(truth: PoseSet) -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[50:150, 100:200] = (200, 30, 30)
    nobody = np.zeros(16, np.uint8)
    box = np.array([100, 50, 199, 149], np.float32)
    tile = pictures.tile(image, box, np.zeros((16, 2), np.float32), nobody, truth.skeleton, 100)
    red = (tile[..., 0] > 100).nonzero()
    # The box fills the tile less the padding, in its middle.
    for axis in red:
        assert axis.min() == pytest.approx(50 - 50 / pictures.MARGIN, abs=1.5)
        assert axis.max() == pytest.approx(49 + 50 / pictures.MARGIN, abs=1.5)


def test_a_sheet_holds_every_tile(truth: PoseSet) -> None:
    examples = pictures.gallery(truth, {"I1": predicted(truth, 1.0)}, count=3, side=50)
    sheet = pictures.sheet(examples, gap=4)
    assert sheet.shape == (3 * 54 + 24, 2 * 54 - 4, 3)
    assert (sheet[24:74, :50] == examples[0].tiles[0][1]).all()


def test_the_data_address_holds_the_picture() -> None:
    slope = np.linspace(0, 255, 64)
    picture = np.stack(np.broadcast_arrays(slope[:, None], slope[None, :], 90.0), axis=-1).astype(np.uint8)
    head, _, content = pictures.data_uri(picture, 100).partition(",")
    assert head == "data:image/jpeg;base64"
    found = cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(found.astype(int) - picture).mean() < 2


def test_predictions_of_other_people_are_refused(truth: PoseSet) -> None:
    found = predicted(truth, 1.0)
    other = Predictions(**{**vars(found), "ids": found.ids + 1000})
    with pytest.raises(UserError, match="I1: its predictions are of other people"):
        pictures.gallery(truth, {"I1": other})


def test_poses_in_millimetres_are_refused(truth: PoseSet) -> None:
    found = predicted(truth, 1.0)
    space = Predictions(**{**vars(found), "keypoints": np.zeros((PEOPLE, 16, 3), np.float32)})
    with pytest.raises(UserError, match="I1: poses in millimetres"):
        pictures.gallery(truth, {"I1": space})


def test_an_image_that_is_gone_is_named(truth: PoseSet) -> None:
    for name in truth.images:
        (truth.root / name).unlink()
    with pytest.raises(UserError, match=r"\.png: image is not there"):
        pictures.gallery(truth, {"I1": predicted(truth, 1.0)})
