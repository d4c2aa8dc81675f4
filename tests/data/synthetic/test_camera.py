import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posereg.data.synthetic.camera import frame, look_at

TARGET = np.array([100.0, 900.0, -50.0])


@given(st.floats(-180, 180), st.floats(-60, 60), st.floats(1000, 9000), st.floats(-20, 20))
def test_the_target_lies_ahead_at_its_distance(azimuth, elevation, distance, roll):
    camera = look_at(TARGET, azimuth, elevation, distance, roll)
    assert camera.to_camera(TARGET) == pytest.approx([0, 0, distance], abs=1e-6)
    assert camera.rotation @ camera.rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(camera.rotation) == pytest.approx(1)


def test_from_the_front_left_is_on_the_right_and_up_is_up():
    camera = look_at(TARGET, 0, 0, 3000)
    right, above = camera.to_camera(TARGET + np.array([[10, 0, 0], [0, 10, 0]]))
    assert right[0] == pytest.approx(10)
    assert above[1] == pytest.approx(-10)


def test_frame_fills_the_picture_as_asked():
    points = TARGET + np.random.default_rng(0).normal(0, 400, (20, 3))
    camera = frame(look_at(TARGET, 33, 10, 4000, 3), points, (300, 200), 0.8, (0.4, 0.6))
    pixels = camera.to_pixels(points)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    assert (low + high) / 2 == pytest.approx([120, 120])
    assert np.max((high - low) / [300, 200]) == pytest.approx(0.8)


def test_far_ground_runs_to_the_horizon():
    camera = frame(look_at(TARGET, 25, 12, 4000), TARGET + np.eye(3) * 500, (256, 256), 0.7, (0.5, 0.5))
    ahead = camera.rotation[2] * [1, 0, 1]
    far = camera.position * [1, 0, 1] + ahead / np.linalg.norm(ahead) * 1e9
    assert camera.to_pixels(far)[1] == pytest.approx(camera.horizon(), abs=0.01)
