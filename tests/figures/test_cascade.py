"""Confidence over people: whom it shows, where its tiles stand, and one colour scale for all of them."""

import cv2
import numpy as np

from posereg.figures import cascade
from posereg.skeletons.skeleton import LSP

JOINTS = len(LSP)
GRAY = np.full((40, 40, 3), 100, np.uint8)


def test_confidence_has_one_scale():
    maps = np.zeros((40, 40), np.float32)
    maps[2, 3] = 1
    shown = cascade.overlay(GRAY, maps)
    assert (shown[maps == 0] == 100).all()
    top = cv2.applyColorMap(np.array([[255]], np.uint8), cv2.COLORMAP_TURBO)[0, 0, ::-1]
    assert (shown[2, 3] == top).all()
    np.testing.assert_array_equal(cascade.overlay(GRAY, 5 * maps), shown)  # more than sure is sure


def test_people_with_most_hidden_joints_come_first_and_nobody_without_both_kinds():
    visibility = np.full((5, 6), 2, np.uint8)
    visibility[1, :1] = 1  # one hidden
    visibility[2, :3] = 1  # half of them
    visibility[3, :] = 1  # nothing visible to compare with
    visibility[4] = [1, 1, 2, 2, 0, 0]
    assert cascade.most_hidden(visibility) == [2, 4, 1]
    assert cascade.most_hidden(visibility, people=1) == [2]
    assert cascade.most_hidden(visibility[:0]) == []


def test_a_strip_is_a_line_a_network_and_a_tile_a_joint():
    visibility = np.zeros(JOINTS, np.uint8)
    visibility[[0, 2, 4, 6, 8]] = 2
    visibility[[1, 3]] = 1
    confidence = {name: np.zeros((JOINTS, 40, 40), np.float32) for name in ("detection", "regression")}
    keypoints = np.full((JOINTS, 2), 20.0)
    shown = cascade.strip(GRAY, confidence, keypoints, visibility, LSP)
    tile = cascade.TILE + 4
    assert shown.shape == (2 * (18 + cascade.TILE + 16), (3 + 2) * tile, 3)
    # The two networks have the same maps, so their lines differ in the title alone.
    first, second = np.split(shown, 2)
    np.testing.assert_array_equal(first[18:], second[18:])
    assert not np.array_equal(first[:18], second[:18])


def test_the_ring_is_about_the_annotated_place_and_dashed_where_hidden():
    """White pixels lie on a circle about the place; a dashed one has about half of them."""
    white = {}
    for flag in (2, 1):
        visibility = np.zeros(JOINTS, np.uint8)
        visibility[0] = flag
        keypoints = np.full((JOINTS, 2), 10.0)
        keypoints[0] = (25, 15)
        maps = {"detection": np.zeros((JOINTS, 40, 40), np.float32)}
        shown = cascade.strip(GRAY, maps, keypoints, visibility, LSP)
        picture = shown[18 : 18 + cascade.TILE, : cascade.TILE]
        y, x = np.nonzero((picture > 200).all(axis=-1))
        factor = cascade.TILE / 40
        radius = np.hypot(x - factor * 25, y - factor * 15)
        np.testing.assert_allclose(radius, 0.05 * cascade.TILE, atol=1.6)
        white[flag] = len(x)
    assert 0.3 < white[1] / white[2] < 0.75


def test_people_of_different_widths_share_a_page(tmp_path):
    visibility = np.zeros((2, JOINTS), np.uint8)
    visibility[0, :4], visibility[1, :1] = 2, 1
    maps = {"detection": np.zeros((2, JOINTS, 40, 40), np.float32)}
    cascade.write(
        tmp_path / "a.png", np.stack([GRAY, GRAY]), maps, np.full((2, JOINTS, 2), 20.0), visibility, LSP
    )
    page = cv2.imread(str(tmp_path / "a.png"))
    strip = 18 + cascade.TILE + 16 + 12
    assert page.shape == (2 * strip, 3 * (cascade.TILE + 4), 3)
    assert (page[strip:, cascade.TILE + 4 :] == 255).all()
