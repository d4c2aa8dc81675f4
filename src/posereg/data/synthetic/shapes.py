"""Two solids drawn with shading, texture and a depth buffer: ellipsoids and tapered elliptic tubes.

Each solid is solved per pixel in closed form under a parallel projection of its own scale (weak
perspective per part), so occlusion between parts is exact to the pixel. Units on the canvas are pixels;
depth is kept in millimetres so that parts of different scale compare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Vector = NDArray[np.float64]
FAR = 1e9


@dataclass(frozen=True)
class Light:
    """`direction` (3,) towards the lamp in camera axes; `tint` (3,) multiplies colours."""

    direction: Vector
    ambient: float = 0.5
    diffuse: float = 0.6
    tint: Float = field(default_factory=lambda: np.ones(3, np.float32))


@dataclass
class Canvas:
    """Picture (H, W, 3) float32 0..255, depth (H, W) mm, owner (H, W): 0 backdrop, 1.. person, 255 thing."""

    image: Float
    depth: Float
    owner: NDArray[np.uint8]
    light: Light
    xs: Float
    ys: Float


def canvas(image: Float, light: Light) -> Canvas:
    height, width = image.shape[:2]
    return Canvas(
        image=image,
        depth=np.full((height, width), FAR, np.float32),
        owner=np.zeros((height, width), np.uint8),
        light=light,
        xs=np.arange(width, dtype=np.float32),
        ys=np.arange(height, dtype=np.float32),
    )


@dataclass(frozen=True)
class Ellipsoid:
    """`axes` (3, 3): semi-axis vectors (left, up, front) as columns, millimetres, camera axes."""

    center: Vector
    axes: Vector
    texture: Float

    def middle(self) -> float:
        return float(self.center[2])


@dataclass(frozen=True)
class Tube:
    """From `start` to `end` (camera mm) with radii at both ends and a `bulge` added half-way.

    `left` and `front` are the semi-axes of the cross-section (unit vectors times a factor on the radius);
    without them the tube is round. Texture rows run from start to end; columns across the front, then
    across the back.
    """

    start: Vector
    end: Vector
    radii: tuple[float, float]
    texture: Float
    bulge: float = 0.0
    left: Vector | None = None
    front: Vector | None = None

    def middle(self) -> float:
        return float(self.start[2] + self.end[2]) / 2


Solid = Ellipsoid | Tube


def _window(on: Canvas, x: tuple[float, float], y: tuple[float, float]) -> tuple[int, int, int, int] | None:
    height, width = on.depth.shape
    x0, x1 = max(0, int(x[0]) - 1), min(width, int(x[1]) + 3)
    y0, y1 = max(0, int(y[0]) - 1), min(height, int(y[1]) + 3)
    return None if x0 >= x1 or y0 >= y1 else (x0, x1, y0, y1)


def _paint(
    on: Canvas, pixels: NDArray[np.intp], cover: Float, depth: Float, color: Float, owner: int
) -> None:
    """Blend colours where the solid is in front; `pixels` are flat indices."""
    buffer, image = on.depth.reshape(-1), on.image.reshape(-1, 3)
    front = depth < buffer[pixels]
    if not front.all():
        pixels, cover, depth, color = pixels[front], cover[front], depth[front], color[front]
    under = image[pixels]
    under += cover[:, None] * (color - under)
    image[pixels] = under
    solid = cover > 0.5
    kept = pixels[solid]
    buffer[kept] = depth[solid]
    on.owner.reshape(-1)[kept] = owner


def _colors(texture: Float, v: Float, u: Float, back: NDArray[np.bool_] | None) -> Float:
    """Nearest texels; v, u in [0, 1]; the right half of the texture is the back side."""
    rows, columns = texture.shape[0], texture.shape[1] // 2
    row = np.minimum((v * rows).astype(np.intp), rows - 1)
    column = np.minimum((u * columns).astype(np.intp), columns - 1)
    if back is not None:
        column = np.where(back, 2 * columns - 1 - column, column)
    found: Float = texture.reshape(-1, 3)[row * texture.shape[1] + column]
    return found


def draw_ellipsoid(on: Canvas, solid: Ellipsoid, center: Vector, scale: float, owner: int) -> None:
    """Args: center: (2,) pixels; scale: pixels per millimetre."""
    q, upper = np.linalg.qr((solid.axes * scale).T)
    sign = np.where(np.diag(upper) < 0, -1.0, 1.0)
    lower, turn = (upper * sign[:, None]).T, q * sign
    half_x, half_y = np.linalg.norm(lower[0]), np.linalg.norm(lower[1])
    window = _window(on, (center[0] - half_x, center[0] + half_x), (center[1] - half_y, center[1] + half_y))
    if window is None or min(lower[0, 0], lower[1, 1], lower[2, 2]) < 1e-3:
        return
    x0, x1, y0, y1 = window
    c0 = ((on.xs[x0:x1] - np.float32(center[0])) / np.float32(lower[0, 0]))[None]
    c1 = ((on.ys[y0:y1] - np.float32(center[1])) / np.float32(lower[1, 1]))[:, None] - c0 * np.float32(
        lower[1, 0] / lower[1, 1]
    )
    c0 = np.broadcast_to(c0, c1.shape)
    rho = c0 * c0 + c1 * c1
    radius = np.float32(np.sqrt(lower[0, 0] * lower[1, 1]))
    inside = np.flatnonzero(rho < (1 + 0.5 / radius) ** 2)
    if not len(inside):
        return
    c0, c1, rho = c0.ravel()[inside], c1.ravel()[inside], rho.ravel()[inside]
    cover = np.minimum((1 - np.sqrt(rho)) * radius + np.float32(0.5), 1)
    s = np.sqrt(np.maximum(1 - rho, 0))
    sphere = np.stack([c0, c1, -s])
    depth = np.float32(center[2]) + (np.float32(1 / scale) * lower[2].astype(np.float32)) @ sphere
    normal = np.linalg.inv(lower).T.astype(np.float32) @ sphere
    facing = (on.light.direction.astype(np.float32) @ normal) / np.sqrt((normal * normal).sum(axis=0))
    body = turn.astype(np.float32) @ sphere
    color = _colors(solid.texture, (1 - body[1]) / 2, (body[0] + 1) / 2, body[2] < 0)
    color = color * _shade(on.light, facing, s)[:, None]
    row, column = np.divmod(inside, x1 - x0)
    _paint(on, (row + y0) * on.depth.shape[1] + column + x0, cover, depth, color, owner)


def _shade(light: Light, facing: Float, toward: Float) -> Float:
    wrapped = np.maximum((facing + np.float32(0.35)) / np.float32(1.35), 0)
    shade: Float = (np.float32(light.ambient) + np.float32(light.diffuse) * wrapped) * (
        np.float32(0.78) + np.float32(0.22) * toward
    )
    return shade


class Section(NamedTuple):
    """A tube's cross-section as the camera sees it.

    A surface point lies at q * width across and q * k1 + sqrt(1 - q^2) * k2 towards the camera (times the
    radius). `turn` (2, 2) takes (q, sqrt(1 - q^2)) to (left, front) of the section; `left` and `front` (3,)
    give the surface normal.
    """

    width: float
    k1: float
    k2: float
    turn: Vector
    left: Vector
    front: Vector


def _section(solid: Tube, across: Vector, toward: Vector) -> Section:
    if solid.left is None or solid.front is None:
        return Section(1.0, 0.0, 1.0, np.eye(2), across, toward)
    seen = np.array([solid.left @ across, solid.front @ across])
    deep = np.array([solid.left @ toward, solid.front @ toward])
    width = max(float(np.hypot(*seen)), 1e-3)
    along = seen / width
    other = np.array([-along[1], along[0]])
    other = other if deep @ other > 0 else -other
    k1, k2 = float(deep @ along), max(float(deep @ other), 1e-3)
    left, front = solid.left / (solid.left @ solid.left), solid.front / (solid.front @ solid.front)
    return Section(width, k1, k2, np.stack([along, other], axis=1), left, front)


def draw_tube(on: Canvas, solid: Tube, ends: Vector, scales: tuple[float, float], owner: int) -> None:
    """Args: ends: (2, 2) pixels of start and end; scales: pixels per millimetre at both."""
    scale = (scales[0] + scales[1]) / 2
    delta = np.array([*(ends[1] - ends[0]), (solid.end[2] - solid.start[2]) * scale])
    flat, length = float(np.hypot(delta[0], delta[1])), float(np.linalg.norm(delta))
    if length < 1e-3:
        return
    flat = max(flat, 1e-3)
    ax, ay = (delta[0] / flat, delta[1] / flat) if flat > 1e-3 else (1.0, 0.0)
    n_along, n_depth = delta[2] / length, -flat / length
    width, k1, k2, turn, left, front = _section(
        solid, np.array([-ay, ax, 0.0]), np.array([n_along * ax, n_along * ay, n_depth])
    )
    r0, r1 = solid.radii[0] * scales[0], solid.radii[1] * scales[1]
    bulge = solid.bulge * scale
    reach = (max(r0, r1) + max(bulge, 0.0)) * max(width, k2)
    low, high = ends.min(axis=0) - reach, ends.max(axis=0) + reach
    window = _window(on, (low[0], high[0]), (low[1], high[1]))
    if window is None:
        return
    x0, x1, y0, y1 = window
    f = np.float32
    dx, dy = (on.xs[x0:x1] - f(ends[0, 0]))[None], (on.ys[y0:y1] - f(ends[0, 1]))[:, None]
    across = dy * f(ax) - dx * f(ay)
    inside = np.flatnonzero(np.abs(across) < reach + 1)
    if not len(inside):
        return
    across = across.ravel()[inside]
    along = (dx * f(ax) + dy * f(ay)).ravel()[inside]

    def radius(t: Float) -> Float:
        grown: Float = f(r0) + t * (f(r1 - r0 + 4 * bulge) - f(4 * bulge) * t)
        return grown

    t: Any = np.clip(along / f(flat), 0, 1)
    r = radius(t)
    for _ in range(2 if abs(n_along) > 0.5 else 1):
        q = np.clip(across / (f(width) * r), -1, 1)
        offset = (f(k1) * q + f(k2) * np.sqrt(1 - q * q)) * r
        t = np.clip((along - offset * f(n_along)) / f(flat), 0, 1)
        r = radius(t)
    q = across / (f(width) * r)
    cap = (along - t * f(flat) - f(k1 * n_along) * q * r) / (f(k2) * r)
    rho = q * q + cap * cap
    cover = (1 - np.sqrt(rho)) * r * f(min(width, k2 + 0.2)) + f(0.5)
    kept = np.flatnonzero(cover > 0)
    if not len(kept):
        return
    inside, cover = inside[kept], np.minimum(cover[kept], 1)
    q, rho, t, r = q[kept], rho[kept], t[kept], r[kept]
    toward = np.sqrt(np.maximum(1 - rho, 0))
    depth = f(solid.start[2]) + t * f(solid.end[2] - solid.start[2])
    depth += (f(k1 * n_depth) * q - f(k2) * toward) * r / f(scale)
    q = np.clip(q, -1, 1)
    s = np.sqrt(1 - q * q)
    c_left, c_front = f(turn[0, 0]) * q + f(turn[0, 1]) * s, f(turn[1, 0]) * q + f(turn[1, 1]) * s
    lamp = on.light.direction
    facing = c_left * f(lamp @ left) + c_front * f(lamp @ front)
    if solid.left is not None and solid.front is not None:
        facing = facing / np.sqrt(c_left**2 * f(left @ left) + c_front**2 * f(front @ front))
        color = _colors(solid.texture, t, (c_left + 1) / 2, c_front < 0)
    else:
        color = _colors(solid.texture, t, (q + 1) / 2, None)
    color = color * _shade(on.light, facing, toward)[:, None]
    row, column = np.divmod(inside, x1 - x0)
    _paint(on, (row + y0) * on.depth.shape[1] + column + x0, cover, depth, color, owner)
