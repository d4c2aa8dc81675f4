"""2D poses of every frame of a 3D data set, by a 2D model (docs/papers/volume.md#projection)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.geometry import boxes as box
from posereg.methods.base import PoseModule
from posereg.predict.predictor import one_a_name, predict
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions

# A detector's box holds the limbs already, so it needs less room than one around joints.
DETECTOR_PADDING = 1.1


def predict_frames(
    module: PoseModule,
    poses: PoseSet,
    boxes: Mapping[str, list[list[float]]] | None = None,
    passes: int = 2,
    batch_size: int = 32,
    device: str = "auto",
) -> Predictions:
    """One 2D pose per person, in the joints of the module's skeleton, which `meta["skeleton"]` names.

    Args:
        poses: one person a frame; its boxes (whole frames) are where the first pass looks.
        boxes: a detector's boxes by image file name; the largest of each frame, padded by 1.1, is taken instead.
        passes: each further pass looks at the box of the joints found before, padded by 1.25, so that the person
            comes to the size that the model was trained on.

    Raises:
        UserError: `passes` below 1, boxes for none of the frames, or for two frames of one name.
    """
    if passes < 1:
        raise UserError(f"passes={passes}: at least one pass over the frames is needed")
    if boxes is not None:
        poses = replace(poses, boxes=_detected(poses, boxes))
    predictions = predict(module, poses, batch_size, device)
    for _ in range(passes - 1):
        tight = box.from_keypoints(
            predictions.keypoints, np.asarray(np.isfinite(predictions.keypoints).all(axis=-1))
        )
        closer = box.padded(tight)
        size = closer[:, 2:] - closer[:, :2]
        usable = np.asarray(np.isfinite(closer).all(axis=1) & (size > 0).all(axis=1), bool)
        poses = replace(poses, boxes=np.where(usable[:, None], closer, poses.boxes).astype(np.float32))
        predictions = predict(module, poses, batch_size, device)
    source = "detector" if boxes is not None else "whole frame"
    return replace(
        predictions,
        meta={**predictions.meta, "skeleton": module.skeleton.name, "box_source": source, "passes": passes},
    )


def _detected(poses: PoseSet, boxes: Mapping[str, list[list[float]]]) -> NDArray[np.float32]:
    """The largest detected box of each person's frame, padded; as they were in frames without one."""
    one_a_name(poses.images, boxes)
    chosen = poses.boxes.copy()
    rows = []
    for row in range(len(poses)):
        candidates = boxes.get(Path(poses.images[int(poses.person_image[row])]).name)
        if candidates:
            rows.append(row)
            chosen[row] = max(candidates, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]))
    if not rows:
        raise UserError(f"boxes: none of the frames of {poses.name} {poses.split} is named in the boxes file")
    center, size = box.center_size(chosen[rows])
    chosen[rows] = box.from_center(center, size * DETECTOR_PADDING)
    return chosen
