"""A pinhole camera. World: y up, millimetres. Camera: x right, y down, z away from the viewer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Rotation (3, 3) and position (3,) in the world; focal length and principal point in pixels."""

    rotation: Array
    position: Array
    focal: float = 1.0
    cx: float = 0.0
    cy: float = 0.0

    def to_camera(self, points: Array) -> Array:
        """World points (..., 3) in camera axes, millimetres."""
        return (points - self.position) @ self.rotation.T

    def project(self, points: Array) -> Array:
        """Camera points (..., 3) to pixels (..., 2); pixel centres are integers."""
        depth = np.maximum(points[..., 2:], 1.0)
        return points[..., :2] / depth * self.focal + [self.cx, self.cy]

    def to_pixels(self, world: Array) -> Array:
        """World points (..., 3) in millimetres to pixels (..., 2)."""
        return self.project(self.to_camera(world))

    def horizon(self) -> float:
        """Row of the horizon at the principal column."""
        ahead = self.rotation @ [self.rotation[2, 0], 0.0, self.rotation[2, 2]]
        return float(self.cy + self.focal * ahead[1] / max(ahead[2], 1e-3))


def look_at(target: Array, azimuth: float, elevation: float, distance: float, roll: float = 0.0) -> Camera:
    """A camera at that distance (mm) that looks at the target; angles in degrees.

    Azimuth 0 stands on the world's +z side; a positive elevation looks down.
    """
    a, e, r = np.deg2rad([azimuth, elevation, roll])
    back = np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
    forward = -back
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    x = np.cos(r) * right + np.sin(r) * down
    y = np.cos(r) * down - np.sin(r) * right
    return Camera(np.stack([x, y, forward]), target + back * distance)


def frame(
    camera: Camera, points: Array, size: tuple[int, int], fill: float, center: tuple[float, float]
) -> Camera:
    """The camera zoomed and shifted so that the world points fill the picture.

    Args:
        points: (N, 3) millimetres.
        size: picture (W, H), pixels.
        fill: share of the picture the points' box takes on its tighter side.
        center: place of the box centre, as a share of (W, H).
    """
    flat = replace(camera, focal=1.0, cx=0.0, cy=0.0).to_pixels(points)
    low, high = flat.min(axis=0), flat.max(axis=0)
    focal = float(fill * np.min(np.array(size) / np.maximum(high - low, 1e-6)))
    cx, cy = np.array(center) * size - focal * (low + high) / 2
    return replace(camera, focal=focal, cx=float(cx), cy=float(cy))
