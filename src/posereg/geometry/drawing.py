"""Draws skeletons on images: right limbs in warm colours, left in cool ones, the trunk pale."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.skeletons.skeleton import NOT_LABELLED, OCCLUDED, Skeleton

Color = tuple[int, int, int]
RIGHT, LEFT, MIDDLE, OUTLINE = (255, 122, 48), (44, 162, 255), (250, 230, 90), (20, 20, 20)
_SHIFT = 4  # OpenCV draws at 1/16 pixel


def side_color(skeleton: Skeleton, joint: int) -> Color:
    """RGB of a joint: the skeleton's own colour for it, else that of its side."""
    by_side = {"right": RIGHT, "left": LEFT, "": MIDDLE}[skeleton.sides[joint]]
    return skeleton.colors.get(skeleton.joints[joint], by_side)


def draw_skeleton(
    image: NDArray[np.uint8],
    keypoints: NDArray[np.floating],
    visibility: NDArray[np.integer],
    skeleton: Skeleton,
    thickness: float | None = None,
) -> NDArray[np.uint8]:
    """A copy of `image` (H, W, 3) RGB with one person drawn on it.

    Args:
        keypoints: (K, 2) pixels of the image.
        visibility: (K,): 0 is not drawn, 1 (occluded) is a ring, 2 a dot.
        thickness: of limbs in pixels; None follows the person's size.
    """
    canvas = np.ascontiguousarray(image[..., :3]).copy()
    drawn = (np.asarray(visibility) != NOT_LABELLED) & np.isfinite(keypoints).all(axis=1)
    if not drawn.any():
        return canvas
    extent = float(np.ptp(keypoints[drawn], axis=0).max())
    width = max(1, round(thickness if thickness is not None else max(extent, 24.0) / 60))
    points = np.where(np.isfinite(keypoints), np.clip(keypoints, -1e4, 1e4), 0)
    fixed = np.round(points * 2**_SHIFT).astype(int)
    for outline in (True, False):
        for a, b in skeleton.limbs:
            if drawn[a] and drawn[b]:
                color = OUTLINE if outline else limb_color(skeleton, a, b)
                ends = tuple(map(int, fixed[a])), tuple(map(int, fixed[b]))
                cv2.line(canvas, *ends, color, width + 2 * outline, cv2.LINE_AA, _SHIFT)
    radius = round((width + 1.5) * 2**_SHIFT)
    for k in map(int, np.flatnonzero(drawn)):
        center, color = tuple(map(int, fixed[k])), side_color(skeleton, k)
        hidden = visibility[k] == OCCLUDED
        cv2.circle(canvas, center, radius, OUTLINE if not hidden else color, -1, cv2.LINE_AA, _SHIFT)
        inner = round((width + (0.5 if not hidden else 0.0)) * 2**_SHIFT)
        cv2.circle(canvas, center, inner, color if not hidden else OUTLINE, -1, cv2.LINE_AA, _SHIFT)
    return canvas


def limb_color(skeleton: Skeleton, a: int, b: int) -> Color:
    """RGB of a limb: its side if either end has one, pale across the body."""
    colors = {side_color(skeleton, a), side_color(skeleton, b)} - {MIDDLE}
    return colors.pop() if len(colors) == 1 else MIDDLE
