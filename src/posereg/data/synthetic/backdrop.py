"""Where the people stand: rooms, streets, woods, studios and a laboratory, with things in front and behind."""

from __future__ import annotations

import cv2
import numpy as np

from posereg.data.synthetic import textures
from posereg.data.synthetic.camera import Camera
from posereg.data.synthetic.shapes import Ellipsoid, Float, Tube, Vector
from posereg.data.synthetic.textures import color, noise

THING = 255
KINDS = ("room", "street", "nature", "studio", "clutter")


def _ramp(height: int, width: int, top: Float, bottom: Float) -> Float:
    v = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    return np.broadcast_to(top + (bottom - top) * v, (height, width, 3)).copy()


def _ground(
    rng: np.random.Generator, camera: Camera, image: Float, floor: float, around: Vector, tint: Float
) -> None:
    """Draw the ground plane y = 0 below row `floor`: tiles, planks, grass or asphalt in perspective."""
    height, width = image.shape[:2]
    first = max(int(floor), 0)
    cells = 128
    tile = np.empty((cells, cells, 3), np.float32)
    tile[:] = tint
    kind = rng.random()
    if kind < 0.35:
        step = int(rng.integers(6, 18))
        tile[::step] *= 0.72
        tile[:, ::step] *= 0.72
    elif kind < 0.55:
        step = int(rng.integers(3, 8))
        tile[::step] *= 0.7
        tile *= 1 + 0.1 * rng.standard_normal((cells, 1, 1)).astype(np.float32)
    tile *= (1 + rng.uniform(0.05, 0.2) * noise(rng, cells, cells, rng.uniform(0.4, 1.0)))[..., None]
    reach, low = 4200.0, around
    corners = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]]) * reach + [low[0], 0, low[2]]
    # Solve the plane's homography from the camera directly: corners may lie behind it.
    span = np.stack([corners[1] - corners[0], corners[3] - corners[0], corners[0] - camera.position], axis=1)
    lens = np.array([[camera.focal, 0, camera.cx], [0, camera.focal, camera.cy - first], [0, 0, 1]])
    plane = lens @ camera.rotation @ span @ np.diag([1 / cells, 1 / cells, 1])
    flat = np.clip(tile, 0, 255).astype(np.uint8)
    image[first:] = cv2.warpPerspective(flat, plane, (width, height - first), borderMode=cv2.BORDER_REFLECT)


def _rectangle(
    image: Float, rng: np.random.Generator, x: float, y: float, w: float, h: float, rgb: Float
) -> None:
    height, width = image.shape[:2]
    x0, x1 = int(np.clip(x, 0, width)), int(np.clip(x + w, 0, width))
    y0, y1 = int(np.clip(y, 0, height)), int(np.clip(y + h, 0, height))
    if x0 < x1 and y0 < y1:
        shade = 1 + 0.1 * noise(rng, y1 - y0, x1 - x0, rng.uniform(0.5, 3))
        image[y0:y1, x0:x1] = rgb * shade[..., None]


def _things_behind(image: Float, rng: np.random.Generator, floor: float, many: int) -> None:
    """Pictures, windows, shelves, lamp posts, round things and blobs on the wall."""
    height, width = image.shape[:2]
    for _ in range(many):
        kind, rgb = rng.random(), color(rng, 15, 245)
        x, w = rng.uniform(-0.1, 1) * width, rng.uniform(0.04, 0.35) * width
        h = rng.uniform(0.08, 0.5) * height
        if kind < 0.3:
            y = rng.uniform(0, 0.6) * max(floor, 20)
            _rectangle(image, rng, x - 3, y - 3, w + 6, h * 0.6 + 6, rgb * np.float32(0.5))
            _rectangle(image, rng, x, y, w, h * 0.6, color(rng, 15, 250))
        elif kind < 0.6:
            _rectangle(image, rng, x, floor - h + rng.uniform(0, 0.08) * height, w, h, rgb)
            if rng.random() < 0.5:
                for k in range(1, 4):
                    _rectangle(image, rng, x, floor - h + k * h / 4, w, 2, rgb * np.float32(0.5))
        elif kind < 0.75:
            _rectangle(image, rng, x, 0, 2 + rng.uniform(0.005, 0.05) * width, floor + 4, rgb)
        elif kind < 0.9:
            center = (int(x), int(rng.uniform(0, max(floor, 20))))
            axes = (int(w / 2) + 2, int(rng.uniform(0.3, 1) * w / 2) + 2)
            cv2.ellipse(image, center, axes, float(rng.uniform(0, 180)), 0, 360, rgb.tolist(), -1)
        else:
            ends = rng.uniform(0, 1, 4) * [width, height, width, height]
            a, b, c, d = (int(v) for v in ends)
            cv2.line(image, (a, b), (c, d), rgb.tolist(), int(rng.integers(1, 9)), cv2.LINE_AA)


def paint(
    rng: np.random.Generator, camera: Camera, size: tuple[int, int], around: Vector, kind: str
) -> Float:
    """The scenery behind the people (H, W, 3), 0..255; `around` is the ground below the main person."""
    width, height = size
    if kind == "lab":
        return _laboratory(rng, camera, size, around)
    if kind == "studio":
        image = _ramp(height, width, color(rng, 40, 250), color(rng, 30, 240))
        image *= (1 + 0.06 * noise(rng, height, width, rng.uniform(1, 3)))[..., None]
        return image
    if kind == "clutter":
        image = _ramp(height, width, color(rng), color(rng))
        image *= (1 + 0.4 * noise(rng, height, width, rng.uniform(0.6, 2)))[..., None]
        _things_behind(image, rng, height * rng.uniform(0.5, 1), int(rng.integers(8, 24)))
        return image
    # The wall or the treeline stands some metres behind the person.
    away = around - camera.position
    away[1] = 0
    away /= max(float(np.linalg.norm(away)), 1e-6)
    distance = rng.uniform(900, 3500) if kind == "room" else rng.uniform(3000, 15000)
    floor = float(np.clip(camera.to_pixels(around + away * distance)[1], -height, 2 * height))
    if kind == "room":
        wall = color(rng, 70, 245)
        image = _ramp(
            height, width, wall * np.float32(rng.uniform(0.85, 1.1)), wall * np.float32(rng.uniform(0.7, 1))
        )
        if rng.random() < 0.3:
            step = int(rng.integers(6, 24))
            image[:, np.arange(width) % step < step // 3] *= np.float32(rng.uniform(0.8, 0.95))
        image *= (1 + 0.05 * noise(rng, height, width, 2))[..., None]
    else:
        sky = np.array([150, 185, 225], np.float32) * np.float32(rng.uniform(0.6, 1.1))
        image = _ramp(height, width, sky, sky * 0.3 + 165)
        clouds = np.clip(noise(rng, height, width, 2.5) * 1.4, 0, 1)[..., None]
        image += clouds * (240 - image) * 0.7
        if kind == "nature":
            green = np.array([rng.uniform(30, 95), rng.uniform(65, 130), rng.uniform(20, 65)], np.float32)
            leaves = noise(rng, height, width, rng.uniform(0.35, 0.9))
            rise = noise(rng, 1, width, 1.2)[0] * 0.2 * height + floor - rng.uniform(0.1, 0.7) * height
            wood = np.arange(height)[:, None] > rise
            image[wood] = (green * (1 + 0.55 * leaves[..., None]))[wood]
        else:
            for _ in range(int(rng.integers(2, 6))):
                _house(image, rng, floor)
    _things_behind(image, rng, floor, int(rng.integers(1, 7) if kind == "room" else rng.integers(0, 4)))
    if floor < height - 1:
        tint = color(rng, 50, 210)
        if kind == "nature":
            tint = np.array([rng.uniform(60, 165), rng.uniform(95, 155), rng.uniform(40, 95)], np.float32)
        _ground(rng, camera, image, floor, around, tint)
    return image


def _house(image: Float, rng: np.random.Generator, floor: float) -> None:
    width = image.shape[1]
    x, w, h = rng.uniform(-0.2, 1) * width, rng.uniform(0.2, 0.6) * width, rng.uniform(0.3, 1.2) * width
    wall = color(rng, 70, 220)
    _rectangle(image, rng, x, floor - h, w, h, wall)
    step, pane = rng.uniform(0.07, 0.14) * width, color(rng, 30, 130)
    for column in range(int(w / step)):
        for row in range(min(int(h / (1.4 * step)), 6)):
            left, top = int(x + (column + 0.25) * step), int(floor - h + (row * 1.4 + 0.3) * step)
            image[
                max(top, 0) : max(top + int(0.8 * step), 0), max(left, 0) : max(left + int(0.5 * step), 0)
            ] = pane


def _laboratory(rng: np.random.Generator, camera: Camera, size: tuple[int, int], around: Vector) -> Float:
    """A capture hall: pale walls, dark carpet, tripods; the same hall for every frame up to light."""
    width, height = size
    away = around - camera.position
    away[1] = 0
    away /= max(float(np.linalg.norm(away)), 1e-6)
    floor = float(np.clip(camera.to_pixels(around + away * 2600)[1], 0, height))
    image = _ramp(height, width, np.array([176, 174, 168], np.float32), np.array([150, 146, 140], np.float32))
    image *= (1 + 0.03 * noise(rng, height, width, 2))[..., None]
    if floor < height - 1:
        carpet = np.random.Generator(np.random.Philox(key=[7, 9]))  # the same in every frame
        _ground(carpet, camera, image, floor, around, np.array([112, 74, 62], np.float32))
    for _ in range(3):
        x = rng.uniform(0, width)
        _rectangle(image, rng, x, floor - 0.3 * height, 0.012 * width + 1, 0.33 * height, textures.plain(
            np.array([40, 40, 44], np.float32), 1, 1)[0, 0])  # fmt: skip
    return image


def shadow(image: Float, camera: Camera, feet: Vector, strength: float) -> None:
    """Darken the ground under points (N, 3) of a person, in place."""
    height, width = image.shape[:2]
    small = np.zeros((height // 4, width // 4), np.float32)
    for point in feet:
        x, y = camera.to_pixels(np.array([point[0], 0.0, point[2]])) / 4
        depth = float(camera.to_camera(point)[2])
        if depth < 100:
            continue
        r = camera.focal / depth / 4 * 190
        squash = max(abs(float(camera.rotation[2, 1])), 0.12)
        faint = float(np.clip(1 - point[1] / 900, 0, 1)) * strength
        if faint > 0.03 and abs(x) < 4 * width and abs(y) < 4 * height:
            cv2.ellipse(small, (int(x), int(y)), (int(r) + 1, int(r * squash) + 1), 0, 0, 360, faint, -1)
    blurred = cv2.blur(small, (5, 5))
    image *= 1 - cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]


def seat(rng: np.random.Generator, pelvis: Vector, yaw_frame: Vector, height: float) -> list[Tube]:
    """A stool below a sitting pelvis, in world axes: a cushion and four legs."""
    surface = textures.plain(color(rng, 30, 220))
    left, front = yaw_frame[:, 0].copy(), yaw_frame[:, 2].copy()
    left[1] = front[1] = 0
    left, front = left / np.linalg.norm(left), front / np.linalg.norm(front)
    base = np.array([pelvis[0], height, pelvis[2]]) + front * 60
    parts = [
        Tube(base - left * 190, base + left * 190, (46, 46), surface, 0.0, front * 4.2, np.array([0, 1.0, 0]))
    ]
    for a in (-1, 1):
        for b in (-1, 1):
            top = base + left * 170 * a + front * 160 * b
            parts.append(Tube(top, top * [1, 0, 1], (18, 14), surface))
    return parts


def things_in_front(
    rng: np.random.Generator, camera: Camera, size: tuple[int, int], depth: float, many: int
) -> list[Ellipsoid | Tube]:
    """Poles, bars, balls and bushes between the camera and the person; camera axes."""
    width, height = size
    parts: list[Ellipsoid | Tube] = []

    def place(x: float, y: float, z: float) -> Vector:
        return np.array([(x - camera.cx) * z / camera.focal, (y - camera.cy) * z / camera.focal, z])

    for _ in range(many):
        z = depth * rng.uniform(0.55, 0.85)
        unit = z / camera.focal  # millimetres per pixel there
        surface = textures.cloth(rng) if rng.random() < 0.5 else textures.plain(color(rng, 15, 240))
        x, y = rng.uniform(0, width), rng.uniform(0.2, 1.0) * height
        kind, thick = rng.random(), rng.uniform(0.012, 0.05) * width * unit
        if kind < 0.35:
            parts.append(
                Tube(
                    place(x, -20, z),
                    place(x + rng.normal(0, 0.04) * width, height + 20, z),
                    (thick, thick),
                    surface,
                )
            )
        elif kind < 0.5:
            parts.append(Tube(place(-20, y, z), place(width + 20, y + rng.normal(0, 0.08) * height, z),
                              (thick * 0.6, thick * 0.6), surface))  # fmt: skip
        elif kind < 0.75:
            r = rng.uniform(0.03, 0.09) * width * unit
            parts.append(Ellipsoid(place(x, y, z), np.eye(3) * r, surface))
        else:
            w, h = rng.uniform(0.05, 0.22, 2) * width * unit
            parts.append(
                Ellipsoid(place(x, height * rng.uniform(0.85, 1.1), z), np.diag([w, -h, w]), surface)
            )
    return parts
