"""Images for comparing and calibrating."""

import cv2
import numpy as np
import pytest

from export.models import build
from posereg.errors import UserError
from posereg.export.pictures import drawn, own


def test_drawn_people_come_alone_and_together_at_the_models_size() -> None:
    module = build("R1", "input_size=[96,128]")
    batches = drawn(module, "float32", count=3)
    assert [(batch.shape, batch.dtype) for batch in batches] == [
        ((1, 128, 96, 3), np.float32),
        ((2, 128, 96, 3), np.float32),
    ]
    assert all(np.array_equal(a, b) for a, b in zip(batches, drawn(module, "float32", count=3), strict=True))


def test_own_pictures_are_cropped_as_predict_crops_them(tmp_path) -> None:
    for k in range(5):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.full((100, 100, 3), 40 * k, np.uint8))
    batches = own(build("R1"), "uint8", str(tmp_path), most=3)
    assert [batch.shape for batch in batches] == [(1, 64, 64, 3)] * 3
    assert [int(np.median(batch)) for batch in batches] == [0, 80, 160]


def test_a_folder_without_pictures_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match="images: no image at"):
        own(build("R1"), "uint8", str(tmp_path))
