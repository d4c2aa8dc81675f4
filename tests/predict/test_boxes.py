"""Where people are looked for: box files by name, and a detector's people."""

from pathlib import Path

import numpy as np
import pytest
import torch

from posereg.errors import UserError
from posereg.geometry.pixels import half_pixel
from posereg.predict import boxes

PIXELS = np.zeros((8, 8, 4), np.uint8)
FILE = Path("boxes.json")


def test_a_file_gives_x_y_width_height_by_name():
    edges = {"a.jpg": [[9.5, 19.5, 39.5, 59.5]], "b.jpg": [[0, 0, 1, 1], [0, 0, 2, 2]]}
    found = boxes.of_file(edges, ["deep/a.jpg", "c.jpg"], FILE)
    pixels = np.zeros((60, 40, 4), np.uint8)
    np.testing.assert_array_equal(found("deep/a.jpg", pixels), [[10, 20, 30, 40]])
    assert found("c.jpg", pixels).shape == (0, 4)


@pytest.mark.parametrize(
    ("box", "on"),
    [((39, 59, 5, 5), 1), ((40, 9, 5, 5), 0), ((9, 60, 5, 5), 0), ((-5, 9, 5, 5), 0), ((-5, 9, 6, 5), 1)],
)  # fmt: skip
def test_a_box_beside_the_picture_is_nobody_and_said(capsys, box, on):
    x, y, w, h = np.array(box) - (half_pixel(), half_pixel(), 0, 0)
    found = boxes.of_file({"a.jpg": [[x, y, x + w, y + h]]}, ["a.jpg"], FILE)
    assert len(found("a.jpg", np.zeros((60, 40, 4), np.uint8))) == on
    said = f"a.jpg: 1 of its boxes in {FILE} lie beside it and are left out\n"
    assert capsys.readouterr().err == ("" if on else said)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x.jpg"], "none of the 1 images is named in"),
        (["a/a.jpg", "b/a.jpg"], "2 of the images are called a.jpg"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(names, message):
    with pytest.raises(UserError, match=message):
        boxes.of_file({"a.jpg": [[0, 0, 1, 1]]}, names, FILE)


def test_a_detector_s_people_above_the_score():
    seen = []

    def detector(images):
        seen.extend(images)
        corners = torch.tensor([[1.0, 2, 4, 7], [0, 0, 9, 9], [3, 3, 6, 6], [2, 2, 2, 8]])
        return [
            {
                "boxes": corners,
                "labels": torch.tensor([1, 2, 1, 1]),
                "scores": torch.tensor([0.6, 0.9, 0.3, 0.9]),
            }
        ]

    pixels = PIXELS.copy()
    pixels[..., 0] = 255
    found = boxes.detected(detector, 0.5, "cpu")("a.jpg", pixels)
    np.testing.assert_allclose(found, [[1, 2, 3, 5]])
    assert seen[0].shape == (3, 8, 8)
    assert seen[0][0].min() == 1
    assert seen[0][1:].max() == 0


def test_without_boxes_the_whole_picture_is_one_person():
    assert boxes.whole("a.jpg", PIXELS) is None
