"""Person boxes. `xyxy` are edges in pixels of the image: x1, y1, x2, y2 (float)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# A person box is enlarged by this before it is cropped: the field's convention, so that no limb is cut off.
PADDING = 1.25


def from_keypoints(keypoints: NDArray[np.floating], valid: NDArray[np.bool_]) -> Array:
    """Tight boxes (N, 4) of the valid points of (N, K, 2); NaN for people without any."""
    low = np.where(valid[..., None], keypoints, np.inf).min(axis=1)
    high = np.where(valid[..., None], keypoints, -np.inf).max(axis=1)
    boxes = np.concatenate([low, high], axis=1).astype(np.float32)
    boxes[~valid.any(axis=1)] = np.nan
    return boxes


def from_center(center: NDArray[np.floating], size: NDArray[np.floating]) -> Array:
    """Boxes (N, 4) from centres (N, 2) and sizes (N, 2) or (N, 1)."""
    return np.concatenate([center - size / 2, center + size / 2], axis=1).astype(np.float32)


def center_size(boxes: NDArray[np.floating]) -> tuple[Array, Array]:
    """Centres (N, 2) and width-height (N, 2) of boxes (N, 4)."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return ((low + high) / 2).astype(np.float32), (high - low).astype(np.float32)


def padded(boxes: NDArray[np.floating]) -> Array:
    """Boxes (N, 4) enlarged by `PADDING` about their centres."""
    center, size = center_size(boxes)
    return from_center(center, size * PADDING)


def fix_aspect(boxes: NDArray[np.floating], aspect: float, padding: float = 1.0) -> Array:
    """Boxes (N, 4) whose short side is grown to `aspect` = width / height, then both by `padding`, about
    the centre."""
    center, size = center_size(boxes)
    width = np.maximum(size[:, 0], size[:, 1] * aspect)
    grown = np.stack([width, width / aspect], axis=1) * padding
    return from_center(center, grown)
