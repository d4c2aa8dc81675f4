"""The predictions file: a model's output on disk, so that evaluation never needs the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.files import reading, whole_file
from posereg.records.arrays import read_npz
from posereg.records.poses import PoseSet

COLUMNS = ("ids", "image_ids", "keypoints", "keypoint_scores", "scores")


@dataclass(frozen=True)
class Predictions:
    """N predicted poses.

    Attributes:
        ids: (N,) id of the ground-truth person whose box was used (`PoseSet.ids`), or -1 for poses found
            bottom-up or from a detector's boxes.
        image_ids: (N,) the data set's image id.
        keypoints: (N, K, 2) image pixels, 0-based pixel centres; or (N, K, 3) root-relative millimetres.
        keypoint_scores: (N, K).
        scores: (N,) pose scores.
        meta: the protocol: data set, split, annotation hash, box source, flip test, scales, NMS, score rule.
    """

    ids: NDArray[np.int64]
    image_ids: NDArray[np.int64]
    keypoints: NDArray[np.float32]
    keypoint_scores: NDArray[np.float32]
    scores: NDArray[np.float32]
    meta: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Predictions:
        """Only these predictions, in this order: row numbers, or a mask (N,)."""
        columns = {name: getattr(self, name)[index] for name in COLUMNS}
        return Predictions(**columns, meta=self.meta)

    def save(self, path: Path | str) -> None:
        """Write a compressed npz, completely or not at all."""
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(
                file,
                ids=self.ids,
                image_ids=self.image_ids,
                keypoints=self.keypoints,
                keypoint_scores=self.keypoint_scores,
                scores=self.scores,
                meta=np.frombuffer(json.dumps(self.meta).encode(), dtype=np.uint8),
            )


def faultless(poses: PoseSet) -> Predictions:
    """The annotations as if they were predicted: what a metric says of them is known before anything is trained."""
    return Predictions(
        ids=poses.ids,
        image_ids=poses.image_ids[poses.person_image],
        keypoints=poses.keypoints,
        keypoint_scores=np.ones(poses.visibility.shape, np.float32),
        scores=np.ones(len(poses), np.float32),
    )


def load(path: Path | str) -> Predictions:
    """
    Raises:
        UserError: the file is missing or of another format.
    """
    kind = "a posereg predictions file"
    arrays = read_npz(path, kind, needs=(*COLUMNS, "meta"))
    with reading(path, kind):
        meta = json.loads(arrays["meta"].tobytes())
        columns = {name: _column(name, arrays[name]) for name in COLUMNS}
        count, joints = columns["keypoints"].shape[:2]
        shapes = {
            "ids": (count,),
            "image_ids": (count,),
            "scores": (count,),
            "keypoint_scores": (count, joints),
        }
        for name, shape in shapes.items():
            if columns[name].shape != shape:
                raise UserError(f"{path}: not {kind}: {name} has shape {columns[name].shape}, not {shape}")
        if not isinstance(meta, dict):
            raise UserError(f"{path}: not {kind}: meta is not a JSON object")
    return Predictions(**columns, meta=meta)


def _column(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """The column in its type."""
    ndim = {"keypoints": 3, "keypoint_scores": 2}.get(name, 1)
    wanted = "iu" if name in ("ids", "image_ids") else "f"
    if (
        values.ndim != ndim
        or values.dtype.kind not in wanted
        or (ndim == 3 and values.shape[2] not in (2, 3))
    ):
        raise ValueError(f"{name} has shape {values.shape} of {values.dtype}")
    return values


def concatenate(parts: Sequence[Predictions]) -> Predictions:
    """Join several predictions (batches, ranks); `meta` is the first part's."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    return Predictions(**columns, meta=parts[0].meta)


def nobody(joints: int, dimensions: int = 2) -> Predictions:
    """No predictions, of a skeleton of so many joints."""
    none = np.zeros(0, np.int64)
    keypoints, scores = np.zeros((0, joints, dimensions), np.float32), np.zeros((0, joints), np.float32)
    return Predictions(none, none, keypoints, scores, np.zeros(0, np.float32))
