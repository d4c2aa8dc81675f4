"""The closed forms against slow, independent answers: a quadratic per pixel, and marching along each ray."""

import numpy as np
import pytest

from posereg.data.synthetic.shapes import FAR, Ellipsoid, Light, Tube, canvas, draw_ellipsoid, draw_tube

SIDE = 96
WHITE = np.full((4, 8, 3), 200, np.float32)
PIXELS = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).astype(float)


def blank():
    return canvas(np.zeros((SIDE, SIDE, 3), np.float32), Light(np.array([0.0, 0.0, -1.0])))


def place(solid: Tube, scale: float) -> tuple[float, float, float, float]:
    return tuple(float(v) for v in (*(solid.start[:2] * scale), *(solid.end[:2] * scale)))


@pytest.mark.parametrize("seed", range(5))
def test_ellipsoid_depth_solves_the_quadric(seed):
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    center, axes, scale = np.array([100.0, 90.0, 3000.0]), turn * [20, 45, 30], 0.5
    on = blank()
    draw_ellipsoid(on, Ellipsoid(center, axes, WHITE), (50.0, 45.0), scale, 7)
    inverse = np.linalg.inv(axes)
    flat = np.concatenate([PIXELS / scale - center[:2], np.zeros((SIDE, SIDE, 1))], axis=-1) @ inverse.T
    ray = inverse[:, 2]
    a, b, c = ray @ ray, flat @ ray, (flat**2).sum(axis=-1) - 1
    root = b**2 - a * c
    hit = root > 0
    expected = center[2] + (-b - np.sqrt(np.maximum(root, 0))) / a
    assert (on.owner == 7).sum() == pytest.approx(hit.sum(), rel=0.04)
    inner = (root > 0.1 * root.max()) & hit
    assert on.depth[inner] == pytest.approx(expected[inner], abs=0.3)


@pytest.mark.parametrize("seed", range(6))
def test_tube_depth_agrees_with_marching_along_the_ray(seed):
    """A round tube of one radius is all points within r of a segment."""
    rng = np.random.default_rng(seed)
    start = np.array([60.0, 70.0, 3000.0])
    end = start + rng.normal(size=3) * [70, 60, 60]
    solid = Tube(start, end, (22.0, 22.0), WHITE)
    on = blank()
    draw_tube(on, solid, place(solid, 0.5), (0.5, 0.5), 3)
    axis = end - start
    z = np.full((SIDE, SIDE), 2700.0)
    for _ in range(300):  # sphere tracing
        points = np.concatenate([PIXELS * 2, z[..., None]], axis=-1)
        t = np.clip((points - start) @ axis / (axis @ axis), 0, 1)
        z += np.linalg.norm(points - start - t[..., None] * axis, axis=-1) - 22
    hit = z < 3400
    assert (on.owner == 3).sum() == pytest.approx(hit.sum(), rel=0.06)
    eroded = hit & np.roll(hit, 2, 0) & np.roll(hit, -2, 0) & np.roll(hit, 2, 1) & np.roll(hit, -2, 1)
    assert np.median(np.abs(on.depth[eroded] - z[eroded])) < 0.5
    assert np.percentile(np.abs(on.depth[eroded] - z[eroded]), 95) < 4.0


def test_an_elliptic_tube_is_as_wide_as_its_section_from_each_side():
    def width(left, front) -> int:
        solid = Tube(np.array([90.0, 40.0, 3000.0]), np.array([90.0, 150.0, 3000.0]), (40.0, 40.0), WHITE,
                     left=np.array(left), front=np.array(front))  # fmt: skip
        on = blank()
        draw_tube(on, solid, place(solid, 0.5), (0.5, 0.5), 1)
        return int((on.owner[48] == 1).sum())

    assert width([1.0, 0, 0], [0, 0, -0.5]) == pytest.approx(40, abs=1)
    assert width([0, 0, 1.0], [0.5, 0, 0]) == pytest.approx(20, abs=1)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_solid_hides_the_farther_in_either_order(order):
    near = Ellipsoid(np.array([100.0, 100.0, 2000.0]), np.eye(3) * 30, WHITE)
    far = Ellipsoid(np.array([100.0, 100.0, 2500.0]), np.eye(3) * 60, WHITE)
    on = blank()
    for k in order:
        draw_ellipsoid(on, (near, far)[k], (50.0, 50.0), 0.5, k + 1)
    assert on.owner[50, 50] == 1
    assert on.owner[50, 74] == 2
    assert on.owner[5, 5] == 0
    assert on.depth[5, 5] == np.float32(FAR)
    assert on.depth[50, 50] == pytest.approx(1970, abs=0.5)


def test_the_lit_side_is_brighter_and_the_texture_s_back_is_behind():
    texture = np.zeros((4, 8, 3), np.float32)
    texture[:, :4], texture[:, 4:] = [200, 0, 0], [0, 0, 200]
    toward = np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]]) * 40  # front faces the viewer
    on = canvas(np.zeros((SIDE, SIDE, 3), np.float32), Light(np.array([1.0, 0.0, 0.0])))
    draw_ellipsoid(on, Ellipsoid(np.array([100.0, 100, 2000]), toward, texture), (50.0, 50.0), 0.5, 1)
    assert on.image[50, 60, 0] > on.image[50, 40, 0] > 0
    assert on.image[50, 50, 2] == 0
    turned = canvas(np.zeros((SIDE, SIDE, 3), np.float32), on.light)
    draw_ellipsoid(
        turned, Ellipsoid(np.array([100.0, 100, 2000]), toward * [-1, 1, -1], texture), (50.0, 50.0), 0.5, 1
    )
    assert turned.image[50, 50, 0] == 0 < turned.image[50, 50, 2]


def test_solids_outside_the_picture_leave_it_alone():
    on = blank()
    draw_ellipsoid(on, Ellipsoid(np.array([0.0, 0, 2000]), np.eye(3) * 20, WHITE), (-200.0, 50.0), 0.5, 1)
    tube = Tube(np.array([900.0, 0, 2000]), np.array([950.0, 9, 2000]), (20, 20), WHITE)
    draw_tube(on, tube, place(tube, 0.5), (0.5, 0.5), 1)
    assert not on.owner.any()
