"""Affine maps between image and network input: one 2x3 matrix moves pixels and keypoints alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posereg.geometry.pixels import Convention, middle

Array = NDArray[np.float64]


def crop_matrix(
    center: tuple[float, float] | NDArray[np.floating],
    size: tuple[float, float] | NDArray[np.floating],
    out_size: tuple[int, int],
    rotation: float = 0.0,
    flip: bool = False,
    convention: Convention = "center",
) -> Array:
    """Matrix (2, 3) that takes image pixels to input pixels.

    The box (`center`, `size` = width, height, in image pixels) fills the input `out_size` = (W, H). The
    scale is W / width on both axes, so boxes should have the aspect of the input (`boxes.fix_aspect`).

    Args:
        rotation: degrees, clockwise in the picture; turns the content about the box centre.
        flip: mirror the input horizontally, x -> W-1-x, after everything else.
        convention: `center` puts the box centre at ((W-1)/2, (H-1)/2), `corner` at (W/2, H/2).
    """
    width = out_size[0]
    scale = width / float(size[0])
    turn = np.deg2rad(rotation)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    target_x, target_y = middle(out_size, convention)
    cx, cy = float(center[0]), float(center[1])
    matrix = np.array(
        [
            [cos, -sin, target_x - cos * cx + sin * cy],
            [sin, cos, target_y - sin * cx - cos * cy],
        ]
    )
    if flip:
        matrix[0] = -matrix[0]
        matrix[0, 2] += width - 1
    return matrix


def invert(matrix: Array) -> Array:
    """Inverse of one (2, 3) or many (N, 2, 3) affine matrices."""
    linear = np.linalg.inv(matrix[..., :2])
    return np.concatenate([linear, -linear @ matrix[..., 2:]], axis=-1)


def transform(points: NDArray[np.floating], matrix: Array) -> Array:
    """Points (..., K, 2) through the matrix (2, 3) or (..., 2, 3)."""
    moved: Array = points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]
    return moved
