"""People on whole images, with a trained bottom-up model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from posereg.methods.art import BottomUpPose
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions, concatenate
from posereg.terminal.progress import tracked


def predict(module: BottomUpPose, poses: PoseSet, device: str = "auto") -> Predictions:
    """All people found on the images of a set, in image pixels; the annotated people are not used.

    Raises:
        BadImageError: an image that cannot be decoded.
    """
    from posereg.data.modules.base import collate
    from posereg.data.samples.scenes import SceneDataset

    where = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    module.to(where).eval()
    dataset = SceneDataset(poses, module.input_size)
    joints = len(poses.skeleton)
    parts = [_nobody(joints)]
    with torch.inference_mode():
        for row, image_id in enumerate(tracked(poses.image_ids.tolist(), len(poses.image_ids), "images")):
            batch: dict[str, Any] = {k: v.to(where) for k, v in collate([dataset[row]]).items()}
            (found,) = module.detect(module.images(batch))
            parts.append(module.predicted(found, batch["to_image"][0], image_id))
    return concatenate(parts)


def _nobody(joints: int) -> Predictions:
    none = np.zeros(0, np.int64)
    keypoints, scores = np.zeros((0, joints, 2), np.float32), np.zeros((0, joints), np.float32)
    return Predictions(none, none, keypoints, scores, np.zeros(0, np.float32))
