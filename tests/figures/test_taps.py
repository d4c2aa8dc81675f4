"""Sampled positions over an image: each person's grid in a colour of its own, at the place that was sampled."""

import cv2
import numpy as np

from posereg.figures import taps
from posereg.skeletons.skeleton import COCO


def grid(x, y, step=6.0):
    return np.array([[x + step * column, y + step * row] for row in (-1, 0, 1) for column in (-1, 0, 1)])


def test_a_dot_at_every_sampled_position_in_the_persons_colour():
    image = np.full((120, 240, 3), 90, np.uint8)
    nobody = np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.uint8)
    positions = np.stack([grid(40, 60), grid(180, 30)])
    picture = taps.drawn(image, positions, *nobody, COCO)
    factor = taps.SIDE / 240
    assert picture.shape == (240, 480, 3)
    for person, color in zip(positions, taps.COLORS, strict=False):
        for x, y in (person + 0.5) * factor - 0.5:
            np.testing.assert_array_equal(picture[round(y), round(x)], color)


def test_pictures_of_different_heights_stand_side_by_side(tmp_path):
    low, high = np.zeros((10, 20, 3), np.uint8), np.full((30, 8, 3), 7, np.uint8)
    taps.write(tmp_path / "a.png", [low, high])
    page = cv2.imread(str(tmp_path / "a.png"))
    assert page.shape == (30, 20 + taps.GAP + 8 + taps.GAP, 3)
    assert (page[10:, :20] == 255).all()
    assert (page[:, 20 + taps.GAP : -taps.GAP] == 7).all()
