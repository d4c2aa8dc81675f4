"""People drawn over a picture, at a size that is to be looked at: drawing on all of a large photo is slow."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.geometry.drawing import draw_skeleton
from posereg.geometry.pixels import pixel_to_cell
from posereg.predict.journal import Entry
from posereg.skeletons.skeleton import VISIBLE, Skeleton

Pixels = NDArray[np.uint8]


def reduced(pixels: Pixels, longest: int) -> tuple[Pixels, float]:
    """The picture RGB (h, w, 3) with at most `longest` pixels on a side (0: as it is), and its scale."""
    height, width = pixels.shape[:2]
    scale = min(1.0, longest / max(height, width)) if longest else 1.0
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(pixels[..., :3]), scale


def drawn(picture: Pixels, scale: float, people: list[Entry], skeleton: Skeleton) -> Pixels:
    """The picture of `reduced` with the people of a journal's entry over it."""
    for person in people:
        points = np.array(list(person["keypoints"].values()), np.float64)[:, :2]
        moved = pixel_to_cell(points, 1 / scale)
        shown = np.full(len(skeleton), VISIBLE, np.uint8)
        picture = draw_skeleton(picture, moved, shown, skeleton)
    return picture


def jpeg_of(picture: Pixels) -> bytes:
    """The picture as a JPEG file."""
    import simplejpeg

    content: bytes = simplejpeg.encode_jpeg(picture, quality=90, colorspace="RGB")
    return content


def overlay_name(name: str) -> str:
    """The overlay's name: a JPEG keeps its own, any other gets .jpg behind it, so that a.png and a.jpg stay apart."""
    return name if name.lower().endswith((".jpg", ".jpeg")) else f"{name}.jpg"
