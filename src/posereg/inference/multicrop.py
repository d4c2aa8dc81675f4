"""Several crops of each person, coordinates averaged (paper 003, Table 4). Flip is the method's own affair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from posereg.data.poses import PoseSet
from posereg.errors import UserError
from posereg.geometry import boxes
from posereg.inference import predictor
from posereg.methods.base import PoseModule
from posereg.predictions import Predictions


def predict(
    module: PoseModule,
    poses: PoseSet,
    scales: Sequence[float],
    batch_size: int = 32,
    device: str = "auto",
) -> Predictions:
    """Every person cropped once a scale, by any top-down method; the poses averaged in image pixels.

    Args:
        scales: factors on the side of the crop; below 1 is closer up.

    Raises:
        UserError: no scale, or one that is not positive.
    """
    if not scales or min(scales) <= 0:
        raise UserError(f"crop_scales must be one or more positive factors, not {list(scales)}")
    return average([predictor.predict(module, scaled(poses, scale), batch_size, device) for scale in scales])


def scaled(poses: PoseSet, scale: float) -> PoseSet:
    """The same people with boxes `scale` times as large, about their centres."""
    center, size = boxes.center_size(poses.boxes)
    return replace(poses, boxes=boxes.from_center(center, size * scale))


def average(parts: Sequence[Predictions]) -> Predictions:
    """Mean keypoints and scores of predictions of the same people, in the same order.

    Raises:
        ValueError: the parts are of different people.
    """
    first = parts[0]
    if any(not np.array_equal(part.ids, first.ids) for part in parts):
        raise ValueError("predictions to average are not of the same people in the same order")
    columns: dict[str, Any] = {
        name: np.mean([getattr(part, name) for part in parts], axis=0, dtype=np.float64).astype(np.float32)
        for name in ("keypoints", "keypoint_scores", "scores")
    }
    return replace(first, **columns)
