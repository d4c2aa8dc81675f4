"""The weak-perspective fit against known cameras, OpenCV-free optimisation, and poses it cannot fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import least_squares

from posereg.geometry.cameras import fit_weak_perspective


def _poses(count: int, joints: int = 18, seed: int = 0) -> np.ndarray:
    return 400 * np.random.default_rng(seed).standard_normal((count, joints, 3))


def _seen(points: np.ndarray, scale: float, angle: float, move: tuple[float, float]) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return scale * points[..., :2] @ np.array([[cos, sin], [-sin, cos]]) + np.array(move)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0.01, 5),
    st.floats(-3.1, 3.1),
    st.floats(-2000, 2000),
    st.floats(-2000, 2000),
    st.integers(0, 99),
)
def test_recovers_the_camera_exactly(scale: float, angle: float, x: float, y: float, seed: int) -> None:
    points = _poses(3, seed=seed)
    cameras = fit_weak_perspective(points, _seen(points, scale, angle, (x, y)))
    assert_allclose(cameras.scale, scale, rtol=1e-9)
    assert_allclose(
        cameras.rotation[0], [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], atol=1e-9
    )
    assert_allclose(cameras.translation, [[x, y]] * 3, atol=1e-6)
    assert_allclose(cameras.relative, 0, atol=1e-9)
    projected = cameras.project(points)
    assert_allclose(projected[..., :2], _seen(points, scale, angle, (x, y)), atol=1e-6)
    assert_allclose(projected[..., 2], scale * points[..., 2], rtol=1e-9)


def test_noisy_fit_is_the_least_squares_one() -> None:
    rng = np.random.default_rng(1)
    points = _poses(4, seed=1)
    pixels = _seen(points, 0.3, 0.4, (100, 80)) + 5 * rng.standard_normal((4, 18, 2))
    cameras = fit_weak_perspective(points, pixels)
    for k in range(4):

        def gap(p: np.ndarray, k: int = k) -> np.ndarray:
            return (_seen(points[k], p[0], p[1], (p[2], p[3])) - pixels[k]).ravel()

        best = least_squares(gap, [1.0, 0.0, 0.0, 0.0], x_scale=[0.1, 0.1, 10, 10], xtol=1e-14, ftol=1e-14)
        assert cameras.scale[k] == pytest.approx(best.x[0], rel=1e-6)
        assert_allclose(cameras.translation[k], best.x[2:], rtol=1e-5)
        assert cameras.residual[k] == pytest.approx(np.sqrt(2 * best.cost / 18), rel=1e-8)


def test_missing_joints_are_left_out() -> None:
    points = _poses(2)
    pixels = _seen(points, 0.2, -0.1, (5, 6))
    valid = np.ones((2, 18), bool)
    valid[:, 3] = False
    pixels[:, 3] = 1e6
    pixels[0, 7] = np.nan
    points[1, 9, 0] = np.nan
    cameras = fit_weak_perspective(points, pixels, valid)
    assert cameras.joints.tolist() == [16, 16]
    assert_allclose(cameras.scale, 0.2, rtol=1e-9)
    assert_allclose(cameras.residual, 0, atol=1e-9)


def test_cameras_do_not_mirror() -> None:
    points = _poses(50, seed=3)
    straight, mirrored = _seen(points, 0.5, 0.2, (0, 0)), _seen(points, 0.5, 0.2, (0, 0)) * [-1, 1]
    fit = fit_weak_perspective(points, mirrored)
    assert (np.linalg.det(fit.rotation) > 0.999).all()
    assert fit.relative.min() > 0.5
    assert fit_weak_perspective(points, straight).relative.max() < 1e-9


@pytest.mark.parametrize("case", ["one joint", "none", "pose on one spot", "pixels on one spot"])
def test_nothing_to_fit_is_nan_and_spoils_nobody_else(case: str) -> None:
    points = _poses(3)
    pixels = _seen(points, 0.2, 0.1, (5, 6))
    if case == "one joint":
        pixels[1, 1:] = np.nan
    elif case == "none":
        pixels[1] = np.nan
    elif case == "pose on one spot":
        points[1] = points[1, :1]
    else:
        pixels[1] = 63.5
    cameras = fit_weak_perspective(points, pixels)
    assert cameras.fitted.tolist() == [True, False, True]
    assert np.isnan(cameras.project(points)[1]).all()
    assert_allclose(cameras.scale[[0, 2]], 0.2)
    assert np.isnan(cameras.relative[1])


def test_two_joints_on_a_line_are_enough() -> None:
    points = np.array([[[0.0, 0, 0], [100, 0, 50]]])
    cameras = fit_weak_perspective(points, np.array([[[10.0, 10], [10, 60]]]))
    assert cameras.scale[0] == pytest.approx(0.5)
    assert_allclose(cameras.rotation[0], [[0, -1], [1, 0]], atol=1e-12)


def test_nobody() -> None:
    assert len(fit_weak_perspective(np.zeros((0, 18, 3)), np.zeros((0, 18, 2))).scale) == 0
