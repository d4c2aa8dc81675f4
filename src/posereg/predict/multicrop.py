"""Several crops of each person, coordinates averaged (soft-argmax paper, Table 4). The method itself flips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from posereg.errors import UserError
from posereg.geometry import boxes
from posereg.methods.base import PoseModule
from posereg.methods.ensemble import average
from posereg.predict import predictor
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions


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
    crops = [predictor.predict(module, scaled(poses, scale), batch_size, device) for scale in scales]
    return replace(average(crops), meta={**crops[0].meta, "scales": list(scales)})


def scaled(poses: PoseSet, scale: float) -> PoseSet:
    """The same people with boxes `scale` times as large, about their centres."""
    center, size = boxes.center_size(poses.boxes)
    return replace(poses, boxes=boxes.from_center(center, size * scale))
