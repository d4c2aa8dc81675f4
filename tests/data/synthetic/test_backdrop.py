"""Scenery: every kind fills the picture, shadows only darken, and things in front are in front."""

import numpy as np
import pytest

from posereg.data.synthetic import backdrop
from posereg.data.synthetic.camera import look_at
from posereg.data.synthetic.shapes import Tube


def camera():
    from dataclasses import replace

    seen = look_at(np.array([0.0, 900.0, 0.0]), 20.0, 10.0, 4000.0)
    return replace(seen, focal=120.0, cx=31.5, cy=31.5)


@pytest.mark.parametrize("kind", [*backdrop.KINDS, "lab"])
def test_every_kind_fills_the_picture_and_comes_back(kind):
    def paint(seed):
        return backdrop.paint(np.random.default_rng(seed), camera(), (64, 48), np.zeros(3), kind)

    image = paint(0)
    assert image.shape == (48, 64, 3)
    assert np.isfinite(image).all()
    np.testing.assert_array_equal(paint(0), image)
    assert not np.array_equal(paint(1), image)


def test_a_shadow_darkens_under_the_feet_alone():
    image = np.full((64, 64, 3), 200.0, np.float32)
    feet = np.array([[0.0, 0.0, 0.0]])
    backdrop.shadow(image, camera(), feet, 0.5)
    assert image.max() <= 200
    x, y = np.rint(camera().to_pixels(feet[0])).astype(int)
    assert image[min(y, 63), x, 0] < 195
    assert image[2, 2, 0] == pytest.approx(200)


def test_high_feet_and_feet_behind_the_camera_cast_none():
    image = np.full((64, 64, 3), 200.0, np.float32)
    backdrop.shadow(image, camera(), np.array([[0.0, 1000.0, 0.0]]), 0.5)
    backdrop.shadow(image, camera(), camera().position[None] * 2, 0.5)
    np.testing.assert_allclose(image, 200)


def test_things_in_front_lie_between_camera_and_person():
    parts = backdrop.things_in_front(np.random.default_rng(0), camera(), (64, 64), 4000.0, 20)
    assert len(parts) == 20
    for part in parts:
        depths = [part.start[2], part.end[2]] if isinstance(part, Tube) else [part.center[2]]
        assert all(0.55 * 4000 <= depth <= 0.85 * 4000 for depth in depths)
