"""The confidence of a cascade's networks at visible and occluded joints: Figure 2 of the cascade paper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.files import whole_file
from posereg.records.poses import NOT_LABELLED, OCCLUDED, VISIBLE
from posereg.skeletons.skeleton import Skeleton

Image = NDArray[np.uint8]
TILE = 160  # least pixels of a picture's side
FONT, INK = cv2.FONT_HERSHEY_SIMPLEX, (51, 65, 85)


def most_hidden(visibility: NDArray[np.integer], people: int = 4) -> list[int]:
    """Rows of the people (N, K) with the most occluded joints that have visible ones too; at most `people`."""
    hidden = (visibility == OCCLUDED).sum(axis=1)
    seen = (visibility == VISIBLE).sum(axis=1)
    order = np.argsort(-np.minimum(hidden, seen), kind="stable")[:people]
    return [int(row) for row in order if min(hidden[row], seen[row]) > 0]


def write(
    path: Path,
    images: NDArray[np.uint8],
    confidence: Mapping[str, NDArray[np.floating]],
    keypoints: NDArray[np.floating],
    visibility: NDArray[np.integer],
    skeleton: Skeleton,
    joints: int = 3,
) -> None:
    """People as one PNG, a strip each.

    Args:
        images: (N, H, W, 3). confidence: by network, maps (N, K, H, W) of the input's size. keypoints: (N, K, 2)
            input pixels, with visibility (N, K).
        joints: how many visible and how many occluded ones of each person.
    """
    strips = [
        strip(
            images[k],
            {name: maps[k] for name, maps in confidence.items()},
            keypoints[k],
            visibility[k],
            skeleton,
            joints,
        )
        for k in range(len(images))
    ]
    width = max(s.shape[1] for s in strips)
    page = np.concatenate(
        [np.pad(s, ((0, 12), (0, width - s.shape[1]), (0, 0)), constant_values=255) for s in strips]
    )
    with whole_file(path) as temporary:
        cv2.imwrite(str(temporary), page[..., ::-1])


def strip(
    image: Image,
    confidence: Mapping[str, NDArray[np.floating]],
    keypoints: NDArray[np.floating],
    visibility: NDArray[np.integer],
    skeleton: Skeleton,
    joints: int = 3,
) -> Image:
    """One person: a line for each network, a column for each of some visible and some occluded joints.

    Args:
        image: (H, W, 3). confidence: by network, maps (K, H, W) of the input's size. keypoints: (K, 2) input pixels.
        joints: how many of each kind, spread over the skeleton.
    """
    chosen = [k for flag in (VISIBLE, OCCLUDED) for k in _spread(np.flatnonzero(visibility == flag), joints)]
    lines = []
    for network, maps in confidence.items():
        tiles = [
            _tile(
                image,
                maps[k],
                keypoints[k],
                bool(visibility[k] == VISIBLE),
                f"{skeleton.joints[k].replace('_', ' ')} {maps[k].max():.2f}",
            )
            for k in chosen
            if visibility[k] != NOT_LABELLED
        ]
        line = np.concatenate(tiles, axis=1)
        title = np.full((18, line.shape[1], 3), 255, np.uint8)
        cv2.putText(title, network.replace("_", " "), (4, 13), FONT, 0.45, INK, 1, cv2.LINE_AA)
        lines += [title, line]
    return np.concatenate(lines)


def overlay(image: Image, confidence: NDArray[np.floating]) -> Image:
    """The grey image (H, W, 3) under the map (H, W): nothing at confidence 0, full colour at 1."""
    value = np.clip(confidence, 0, 1).astype(np.float32)
    gray = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    color = cv2.applyColorMap((255 * value).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1]
    weight = np.sqrt(value)[..., None]
    return np.asarray(np.round(gray * (1 - weight) + color * weight), np.uint8)


def _tile(
    image: Image, confidence: NDArray[np.floating], place: NDArray[np.floating], visible: bool, label: str
) -> Image:
    """The overlay with a ring about the true place, dashed where the joint is occluded, and a caption."""
    factor = max(1, -(-TILE // image.shape[1]))
    picture = np.asarray(cv2.resize(overlay(image, confidence), None, fx=factor, fy=factor), np.uint8)
    radius = max(4, round(0.05 * picture.shape[1]))
    center = (round(float(factor * place[0])), round(float(factor * place[1])))
    for start in range(0, 360, 360 if visible else 45):
        end = start + (360 if visible else 22)
        cv2.ellipse(picture, center, (radius, radius), 0, start, end, (255, 255, 255), 1, cv2.LINE_AA)
    caption = np.full((16, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(caption, label, (2, 11), FONT, 0.32, INK, 1, cv2.LINE_AA)
    return np.concatenate(
        [np.pad(part, ((0, 0), (0, 4), (0, 0)), constant_values=255) for part in (picture, caption)]
    )


def _spread(index: NDArray[np.int64], count: int) -> list[int]:
    if len(index) <= count:
        return [int(k) for k in index]
    return [int(index[round(k)]) for k in np.linspace(0, len(index) - 1, count)]
