"""Two solids drawn with shading, texture and a depth buffer: ellipsoids and tapered elliptic tubes.

Each solid is solved per pixel in closed form under a parallel projection of its own scale (weak
perspective per part), so occlusion between parts is exact to the pixel. Units on the canvas are pixels;
depth is kept in millimetres so that parts of different scale compare.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Vector = NDArray[np.float64]
Wide = NDArray[np.floating]
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
    """An empty canvas over `image` (H, W, 3), which it draws into; nothing is nearer than `FAR` yet."""
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
        """Depth of the middle, millimetres from the camera: the order of drawing."""
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
        """Depth of the middle, millimetres from the camera: the order of drawing."""
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
    # `take` moves whole pixels and is several times faster than indexing here.
    buffer, image = on.depth.reshape(-1), on.image.reshape(-1, 3)
    front = np.flatnonzero(depth < buffer.take(pixels))
    if len(front) < len(pixels):
        pixels, cover, depth, color = pixels[front], cover[front], depth[front], color.take(front, axis=0)
    under = image.take(pixels, axis=0)
    color -= under
    color *= cover[:, None]
    color += under
    image[pixels] = color
    solid = np.flatnonzero(cover > 0.5)
    kept = pixels.take(solid)
    buffer[kept] = depth.take(solid)
    on.owner.reshape(-1)[kept] = owner


def _colors(texture: Float, v: Wide, u: Wide, back: NDArray[np.bool_] | None) -> Float:
    """Nearest texels; v, u in [0, 1]; the right half of the texture is the back side."""
    rows, columns = texture.shape[0], texture.shape[1] // 2
    # Pixels on the soft rim lie a little outside.
    row = np.minimum(np.maximum((v * rows).astype(np.intp), 0), rows - 1)
    column = np.minimum(np.maximum((u * columns).astype(np.intp), 0), columns - 1)
    if back is not None:
        column += back * (2 * columns - 1 - 2 * column)
    colors: Float = texture.reshape(-1, 3).take(row * texture.shape[1] + column, axis=0)
    return colors


def draw_ellipsoid(
    on: Canvas, solid: Ellipsoid, center: tuple[float, float], scale: float, owner: int
) -> None:
    """Args: center: (2,) pixels; scale: pixels per millimetre."""
    axes = solid.axes * scale
    try:
        lower = np.linalg.cholesky(axes @ axes.T)
    except np.linalg.LinAlgError:  # seen exactly edge-on
        return
    inverse = np.linalg.inv(lower)
    turn = (inverse @ axes).T
    half_x, half_y = float(lower[0, 0]), math.hypot(lower[1, 0], lower[1, 1])
    window = _window(on, (center[0] - half_x, center[0] + half_x), (center[1] - half_y, center[1] + half_y))
    if window is None:
        return
    x0, x1, y0, y1 = window
    l00, l10, l11 = float(lower[0, 0]), float(lower[1, 0]), float(lower[1, 1])
    gx = ((on.xs[x0:x1] - center[0]) * (1 / l00))[None]
    gy = ((on.ys[y0:y1] - center[1]) * (1 / l11))[:, None] - gx * (l10 / l11)
    grid = gy * gy + gx * gx
    radius = math.sqrt(l00 * l11)
    inside = np.flatnonzero(grid < (1 + 0.5 / radius) ** 2)
    if not len(inside):
        return
    row = inside // (x1 - x0)
    column = inside - row * (x1 - x0)
    rho = grid.ravel().take(inside)
    cover = np.minimum((1 - np.sqrt(rho)) * radius + 0.5, 1)
    sphere = np.empty((3, len(inside)), np.float32)
    sphere[0], sphere[1] = gx.ravel().take(column), gy.ravel().take(inside)
    s = np.sqrt(np.maximum(1 - rho, 0))
    np.negative(s, out=sphere[2])
    # Rows of one product: depth, the three of the normal, the three body coordinates.
    rows = np.concatenate([lower[2:] / scale, inverse.T, turn]).astype(np.float32) @ sphere
    depth, normal, body = rows[0] + float(solid.center[2]), rows[1:4], rows[4:]
    facing = on.light.direction.astype(np.float32) @ normal / np.sqrt((normal * normal).sum(axis=0))
    color = _colors(solid.texture, (1 - body[1]) / 2, (body[0] + 1) / 2, body[2] < 0)
    color *= _shade(on.light, facing, s)[:, None]
    _paint(on, (row + y0) * on.depth.shape[1] + column + x0, cover, depth, color, owner)


def _shade(light: Light, facing: Wide, toward: Float) -> Float:
    wrapped = np.maximum(facing + 0.35, 0) * (light.diffuse / 1.35)
    shade: Float = (wrapped + light.ambient) * (toward * 0.22 + 0.78)
    return shade


class Section(NamedTuple):
    """A tube's cross-section as the camera sees it.

    A surface point lies at q * width across and q * k1 + sqrt(1 - q^2) * k2 towards the camera (times the
    radius). `turn` takes (q, sqrt(1 - q^2)) to left, then front, of the section; `lamp` is the light in the
    normal's frame and `bent` the squared lengths of its two axes.
    """

    width: float
    k1: float
    k2: float
    turn: tuple[float, float, float, float]
    lamp: tuple[float, float]
    bent: tuple[float, float]


def _section(left: Vector, front: Vector, across: Vector, toward: Vector, light: Vector) -> Section:
    a, b = float(left @ across), float(front @ across)
    c, d = float(left @ toward), float(front @ toward)
    width = max(math.hypot(a, b), 1e-3)
    a, b = a / width, b / width
    sign = 1.0 if a * d - b * c > 0 else -1.0
    k1, k2 = a * c + b * d, max(sign * (a * d - b * c), 1e-3)
    ll, ff = float(left @ left), float(front @ front)
    lamp = (float(light @ left) / ll, float(light @ front) / ff)
    return Section(width, k1, k2, (a, -sign * b, b, sign * a), lamp, (1 / ll, 1 / ff))


def _unit(t: Wide) -> Float:
    cut: Float = np.minimum(np.maximum(t, 0), 1)  # np.clip costs more than the arithmetic around it
    return cut


def draw_tube(
    on: Canvas, solid: Tube, ends: Sequence[float], scales: tuple[float, float], owner: int
) -> None:
    """Args: ends: x, y of start and end in pixels; scales: pixels per millimetre at both."""
    # Plain floats throughout: they keep the arrays in float32 and cost less than numpy scalars.
    px, py, qx, qy = ends
    scale = (scales[0] + scales[1]) / 2
    start_depth, end_depth = float(solid.start[2]), float(solid.end[2])
    rise = (end_depth - start_depth) * scale
    flat = max(math.hypot(qx - px, qy - py), 1e-3)
    length = math.hypot(flat, rise)
    ax, ay = ((qx - px) / flat, (qy - py) / flat) if flat > 1e-3 else (1.0, 0.0)
    n_along, n_depth = rise / length, -flat / length
    light = on.light.direction
    section: Section | None = None
    width, k1, k2 = 1.0, 0.0, 1.0
    if solid.left is not None and solid.front is not None:
        across_axis, toward_axis = np.array([-ay, ax, 0.0]), np.array([n_along * ax, n_along * ay, n_depth])
        section = _section(solid.left, solid.front, across_axis, toward_axis, light)
        width, k1, k2 = section.width, section.k1, section.k2
    r0, r1, bulge = float(solid.radii[0] * scales[0]), float(solid.radii[1] * scales[1]), solid.bulge * scale
    slope, curve = r1 - r0 + 4 * bulge, 4 * bulge
    reach = (max(r0, r1) + max(bulge, 0.0)) * max(width, k2)
    window = _window(
        on, (min(px, qx) - reach, max(px, qx) + reach), (min(py, qy) - reach, max(py, qy) + reach)
    )
    if window is None:
        return
    x0, x1, y0, y1 = window
    dx, dy = (on.xs[x0:x1] - px)[None], (on.ys[y0:y1] - py)[:, None]
    lateral = dy * ax - dx * ay
    inside = np.flatnonzero(np.abs(lateral) < reach + 1)
    if not len(inside):
        return
    across = lateral.ravel().take(inside)
    along = (dx * ax + dy * ay).ravel().take(inside)
    t = _unit(along * (1 / flat))
    r = r0 + t * (slope - curve * t)
    q = across / (r * width)
    # The surface point under a pixel shifts along a tilted axis with the radius, and the radius with the shift.
    for _ in range(0 if abs(n_along) < 0.15 else 1 if abs(n_along) < 0.5 else 2):
        q = np.minimum(np.maximum(q, -1), 1)
        offset = (k1 * q + k2 * np.sqrt(1 - q * q)) * r
        t = _unit((along - offset * n_along) * (1 / flat))
        r = r0 + t * (slope - curve * t)
        q = across / (r * width)
    cap = (along - t * flat) / (r * k2)
    if k1:
        cap -= (k1 * n_along / k2) * q
    rho = q * q + cap * cap
    cover = (1 - np.sqrt(rho)) * r * min(width, k2 + 0.2) + 0.5
    kept = np.flatnonzero(cover > 0)
    if not len(kept):
        return
    inside, cover = inside.take(kept), np.minimum(cover.take(kept), 1)
    q, rho, t, r = q.take(kept), rho.take(kept), t.take(kept), r.take(kept)
    toward = np.sqrt(np.maximum(1 - rho, 0))
    deep = k1 * n_depth * q - k2 * toward if k1 else -k2 * toward
    depth = deep * r * (1 / scale) + (t * (end_depth - start_depth) + start_depth)
    q = np.minimum(np.maximum(q, -1), 1)
    s: Float = np.sqrt(1 - q * q)
    if section is None:
        lamp_across = float(light[1]) * ax - float(light[0]) * ay
        lamp_toward = n_along * (float(light[0]) * ax + float(light[1]) * ay) + n_depth * float(light[2])
        facing = lamp_across * q + lamp_toward * s
        color = _colors(solid.texture, t, (q + 1) / 2, None)
    else:
        ql, sl, qf, sf = section.turn
        left, front = ql * q + sl * s, qf * q + sf * s
        facing = left * section.lamp[0] + front * section.lamp[1]
        facing /= np.sqrt(left * left * section.bent[0] + front * front * section.bent[1])
        color = _colors(solid.texture, t, (left + 1) / 2, front < 0)
    color *= _shade(on.light, facing, toward)[:, None]
    row = inside // (x1 - x0)
    column = inside - row * (x1 - x0)
    _paint(on, (row + y0) * on.depth.shape[1] + column + x0, cover, depth, color, owner)
