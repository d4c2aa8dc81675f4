"""The predictions file: what a model says, on disk, so that evaluation never needs the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.files import whole_file

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
        """Only these predictions, in this order."""
        columns = {name: getattr(self, name)[index] for name in COLUMNS}
        return Predictions(**columns, meta=self.meta)

    def save(self, path: Path | str) -> None:
        """Compressed npz; whole or not at all."""
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


def load(path: Path | str) -> Predictions:
    """
    Raises:
        UserError: missing or foreign file.
    """
    try:
        with np.load(path) as file:
            columns = {k: file[k] for k in COLUMNS}
            meta = json.loads(file["meta"].tobytes())
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such predictions file") from error
    except (KeyError, ValueError, OSError) as error:
        raise UserError(f"{path}: not a posereg predictions file ({error})") from error
    return Predictions(**columns, meta=meta)


def concatenate(parts: Sequence[Predictions]) -> Predictions:
    """One file from several (batches, ranks); `meta` is the first part's."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    return Predictions(**columns, meta=parts[0].meta)
