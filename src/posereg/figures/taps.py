"""Where the adaptive convolution of the regression head looks, at people's centres: Figure 3 of the ART paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.files import whole_file
from posereg.geometry.drawing import draw_skeleton
from posereg.geometry.pixels import pixel_to_cell
from posereg.skeletons.skeleton import Skeleton

Image = NDArray[np.uint8]
SIDE = 480  # pixels of a picture's longer side
GAP = 6
# Neighbours in the kernel's row-major order: the 3x3 grid as lines, which show turn and stretch.
EDGES = [(k, k + 1) for k in range(9) if k % 3 < 2] + [(k, k + 3) for k in range(6)]
COLORS = ((255, 209, 102), (6, 214, 160), (239, 71, 111), (76, 201, 240), (200, 140, 255), (255, 140, 60))


def write(path: Path, pictures: Sequence[Image]) -> None:
    """Pictures of any sizes side by side, as one PNG."""
    height = max(picture.shape[0] for picture in pictures)
    page = np.concatenate(
        [np.pad(p, ((0, height - p.shape[0]), (0, GAP), (0, 0)), constant_values=255) for p in pictures],
        axis=1,
    )
    with whole_file(path) as temporary:
        cv2.imwrite(str(temporary), page[..., ::-1])


def drawn(
    image: Image,
    taps: NDArray[np.floating],
    keypoints: NDArray[np.floating],
    visibility: NDArray[np.integer],
    skeleton: Skeleton,
) -> Image:
    """The image (H, W, 3) with every person's skeleton and nine sampled positions (M, 9, 2), joined as a grid."""
    factor = SIDE / max(image.shape[:2])
    picture = np.asarray(
        cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR), np.uint8
    )
    gray = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    picture = np.asarray(0.5 * picture + 0.5 * gray, np.uint8)

    def shown(points: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray(pixel_to_cell(points, 1 / factor))

    for person, seen in zip(keypoints, visibility, strict=True):
        picture = draw_skeleton(picture, shown(person), seen, skeleton, thickness=1)
    for k, points in enumerate(shown(taps)):
        color = COLORS[k % len(COLORS)]
        dots = [(round(float(x)), round(float(y))) for x, y in points]
        for a, b in EDGES:
            cv2.line(picture, dots[a], dots[b], color, 1, cv2.LINE_AA)
        for dot in dots:
            cv2.circle(picture, dot, 4, (20, 20, 20), -1, cv2.LINE_AA)
            cv2.circle(picture, dot, 3, color, -1, cv2.LINE_AA)
    return picture
