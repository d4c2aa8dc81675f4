"""Overlays: reduced, and the people at their places in the reduced picture."""

import cv2
import numpy as np
import pytest

from posereg.predict import overlay
from posereg.skeletons.skeleton import Skeleton

SPOT = Skeleton("spot", ("spot",), ())


def test_a_large_picture_is_reduced_and_a_small_one_stays():
    large = np.zeros((300, 1000, 4), np.uint8)
    picture, scale = overlay.reduced(large, 500)
    assert picture.shape == (150, 500, 3)
    assert scale == 0.5
    same, scale = overlay.reduced(large, 0)
    assert same.shape == (300, 1000, 3)
    assert scale == 1
    assert overlay.reduced(large, 2000)[1] == 1


@pytest.mark.parametrize("longest", [0, 250])
def test_joints_are_drawn_where_they_lie(longest):
    blank = np.full((400, 1000, 3), 90, np.uint8)
    person = {"keypoints": {"spot": [799.5, 99.5, 1.0]}}
    canvas, scale = overlay.reduced(blank, longest)
    drawn = overlay.drawn(canvas, scale, [person], SPOT)
    rows, columns = np.nonzero((drawn != 90).any(axis=2))
    assert abs(columns.mean() - (800 * scale - 0.5)) < 1
    assert abs(rows.mean() - (100 * scale - 0.5)) < 1
    assert (canvas == 90).all()


def test_the_jpeg_has_the_colours():
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 255
    decoded = cv2.imdecode(np.frombuffer(overlay.jpeg_of(red), np.uint8), cv2.IMREAD_COLOR)
    assert decoded[16, 16].tolist() == pytest.approx([0, 0, 255], abs=4)


def test_no_two_pictures_of_a_folder_share_an_overlay():
    names = ["a.jpg", "a.png", "a.jpeg", "a.JPG", "b/a.jpg"]
    assert len({overlay.overlay_name(name) for name in names}) == len(names)
    assert overlay.overlay_name("b/a.jpg") == "b/a.jpg"
