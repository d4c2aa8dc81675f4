"""Several crops: the same place in the image whatever the crop, and a known mean of known errors."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from posereg.data.formats.lsp import pose_set
from posereg.errors import UserError
from posereg.geometry import boxes
from posereg.methods.base import PoseModule
from posereg.predict import multicrop, predictor

SIZE = 64
PLACE = np.array([52.0, 40.0])  # of the bright spot, pixels of the image


class Spotter(PoseModule):
    """Every joint lies where the crop is bright, `off` pixels of the input to the right."""

    def __init__(self, off=0.0, **pose):
        super().__init__(
            network=nn.Identity(), skeleton="lsp", input_size=(SIZE, SIZE), optimizer=torch.optim.Adam, **pose
        )
        self.off = off
        self.crops = 0

    def predict(self, images):
        self.crops += len(images)
        weight = (images * self.std + self.mean).mean(1)
        weight = weight / weight.sum((1, 2), keepdim=True)
        across = torch.arange(SIZE, dtype=torch.float32)
        x, y = (weight.sum(1) * across).sum(1) + self.off, (weight.sum(2) * across).sum(1)
        return torch.stack([x, y], -1)[:, None].expand(-1, 14, -1), weight.amax((1, 2))[:, None].expand(
            -1, 14
        )


@pytest.fixture
def people(tmp_path):
    """Two images with one bright spot, on people with different boxes."""
    image = np.zeros((100, 120, 3), np.float32)
    rows, columns = np.mgrid[:100, :120]
    image[:] = 255 * np.exp(-((columns - PLACE[0]) ** 2 + (rows - PLACE[1]) ** 2) / (2 * 3.0**2))[..., None]
    for k in (1, 2):
        cv2.imwrite(str(tmp_path / f"im000{k}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 100])
    xy = np.tile(PLACE, (2, 14, 1))
    poses = pose_set("lsp", tmp_path, "all", Path("."), xy, np.full((2, 14), 2), {"all": (1, 2)}, 4, "joints")
    wanted = np.array([[10, 5, 90, 85], [20, 10, 84, 74]], np.float32)
    return replace(poses, boxes=wanted, images=("im0001.jpg", "im0002.jpg"))


def test_a_place_is_found_alike_in_every_crop(people):
    module = Spotter()
    found = multicrop.predict(module, people, [1.0, 0.9, 1.1], device="cpu")
    np.testing.assert_allclose(found.keypoints, np.tile(PLACE, (2, 14, 1)), atol=0.3)
    assert module.crops == 6
    assert found.meta["scales"] == [1.0, 0.9, 1.1]
    assert found.ids.tolist() == people.ids.tolist()


def test_errors_of_the_crops_are_averaged_in_the_image(people):
    """3 input pixels are 3 s w / 64 pixels of the image in a crop s times the box's width w."""
    scales = [1.0, 0.8, 1.4]
    straight = multicrop.predict(Spotter(), people, scales, device="cpu")
    astray = multicrop.predict(Spotter(off=3.0), people, scales, device="cpu")
    moved = astray.keypoints - straight.keypoints
    width = people.boxes[:, 2] - people.boxes[:, 0]
    np.testing.assert_allclose(
        moved[..., 0], np.tile(3 * np.mean(scales) * width / SIZE, (14, 1)).T, atol=1e-3
    )
    np.testing.assert_allclose(moved[..., 1], 0, atol=1e-3)


def test_one_crop_is_the_plain_prediction(people):
    alone, plain = multicrop.predict(Spotter(), people, [1.0]), predictor.predict(Spotter(), people)
    for name in ("ids", "image_ids", "keypoints", "keypoint_scores", "scores"):
        np.testing.assert_allclose(getattr(alone, name), getattr(plain, name), rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-500, 500, width=32), min_size=2, max_size=2),
    st.floats(8, 400, width=32),
    st.floats(8, 400, width=32),
    st.floats(0.25, 4, width=32),
)
def test_boxes_grow_about_their_centres(corner, width, height, scale):
    x, y = corner
    poses = pose_set(
        "lsp", Path("."), "all", Path("."), np.zeros((1, 14, 2)) + PLACE, np.full((1, 14), 2), {"all": (1, 1)}, 4,
        "joints",
    )  # fmt: skip
    poses = replace(poses, boxes=np.array([[x, y, x + width, y + height]], np.float32))
    grown = multicrop.scaled(poses, scale)
    (before, size), (after, new) = (boxes.center_size(p.boxes) for p in (poses, grown))
    np.testing.assert_allclose(after, before, atol=0.01)
    np.testing.assert_allclose(new, size * scale, rtol=1e-3, atol=0.01)


@pytest.mark.parametrize("scales", [[], [1.0, 0.0], [-1.0]])
def test_scales_are_positive(people, scales):
    with pytest.raises(UserError, match="crop_scales"):
        multicrop.predict(Spotter(), people, scales)
