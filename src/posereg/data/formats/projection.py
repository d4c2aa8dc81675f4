"""2D joints for CHALL_H80K, which has none: its 3D poses, projected through cameras fitted to 2D predictions.

Volume paper, section 2; docs/papers/volume.md#projection.

A 2D model trained on MPII predicts every frame; a weak-perspective camera
is fitted to each frame's pose and prediction; through it the pose gives 18 joints in pixels, their depth in pixels
and the person's box. `posereg data project` makes the predictions, the reader here does the rest.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats import h80k
from posereg.data.formats.splits import together
from posereg.errors import UserError, nearest
from posereg.geometry import boxes as box
from posereg.geometry.cameras import WeakPerspective, fit_weak_perspective
from posereg.records import predictions as prediction_files
from posereg.records.poses import VISIBLE, PoseSet
from posereg.records.predictions import Predictions
from posereg.settings.ranges import Positive
from posereg.skeletons.skeleton import H80K, mapping, skeleton

Array = NDArray[np.float64]
Boxes = Literal["projection", "pose2d", "frame"]
SPLITS = h80k.SPLITS
BOXES = ("projection", "pose2d", "frame")
PREDICTED = ("mpii", "lsp", "coco", "crowdpose", "h80k")  # skeletons that 2D models are trained for


def read(
    root: Path | str,
    split: str,
    annotations: Path | str | None = None,
    pose2d: str | None = "pose2d/{split}.npz",
    boxes: Boxes = "projection",
    max_relative: Positive | None = None,
) -> PoseSet:
    """CHALL_H80K with joints in the image, depth `z` in pixels and person boxes.

    Args:
        pose2d: predictions of a 2D model by split, below `root` or a path of its own; None to do without: joints are
            unlabelled then, boxes are whole frames. Enough for scoring.
        boxes, max_relative: as in `project`.

    Raises:
        UserError: as `h80k.read`, or predictions that are missing or of other frames.
    """
    if split == "trainval" and annotations is None:
        parts = [read(root, part, None, pose2d, boxes, max_relative) for part in ("train", "val")]
        return together(split, parts)
    poses = h80k.read(root, split, annotations)
    if pose2d is None:
        return project(poses, None, "frame")[0]
    place = Path(pose2d.format(split=split))
    path = place if place.is_absolute() or place.is_file() else Path(root) / place
    if not path.is_file():
        raise UserError(
            f"{path}: no 2D predictions of {split}; make them with 'posereg data project', or "
            "set data.reader.pose2d=null where no picture is trained on"
        )
    return project(poses, prediction_files.load(path), boxes, max_relative)[0]


def project(
    poses: PoseSet,
    predictions: Predictions | None,
    boxes: Boxes = "projection",
    max_relative: float | None = None,
) -> tuple[PoseSet, WeakPerspective]:
    """The set with 18 joints in the image, column `z` (N, 18) in pixels, and boxes; and the cameras behind them.

    People without a camera (no 3D pose, or too few predicted joints) have unlabelled joints and NaN `z`.

    Args:
        poses: with column `xyz` (N, 18, 3) mm.
        predictions: 2D poses of these people; None for no predictions.
        boxes: `projection`: of the projected joints; `pose2d`: of the predicted joints, as for test frames, where
            there is no pose to project; `frame`: as they were. Padding 1.25. People without
            one kind of box get the next.
        max_relative: people whose fit is worse (`WeakPerspective.relative`) stay unlabelled, e.g. 0.5.

    Raises:
        UserError: unknown `boxes`, or predictions of another skeleton or other people.
    """
    if boxes not in BOXES:
        raise UserError(f"data.reader.boxes: unknown choice '{boxes}'{nearest(boxes, BOXES)}")
    xyz = np.asarray(poses.extras["xyz"], np.float64)
    seen = np.full((*xyz.shape[:2], 2), np.nan) if predictions is None else joints_of(poses, predictions)
    cameras = fit_weak_perspective(xyz, seen)
    projected = cameras.project(xyz)
    if max_relative is not None:
        projected[~(cameras.relative <= max_relative)] = np.nan
    known = _finite(projected)
    frames = poses.boxes
    predicted = _padded(seen, _finite(seen), frames)
    chosen = {"frame": frames, "pose2d": predicted, "projection": _padded(projected, known, predicted)}[boxes]
    return replace(
        poses,
        keypoints=np.where(known[..., None], projected[..., :2], 0).astype(np.float32),
        visibility=np.where(known, VISIBLE, 0).astype(np.uint8),
        boxes=chosen,
        extras={**poses.extras, "z": projected[..., 2].astype(np.float32)},
    ), cameras


def joints_of(poses: PoseSet, predictions: Predictions) -> Array:
    """Predicted 2D joints (N, 18, 2) of the people of a set, NaN where a joint or a person has none.

    Predictions are of the skeleton that their `meta` names, else of the one with their number of joints.

    Raises:
        UserError: another skeleton, or not one of these people.
    """
    count, dimensions = predictions.keypoints.shape[1:]
    named = predictions.meta.get("skeleton")
    fitting = [name for name in PREDICTED if len(skeleton(name)) == count]
    if named is None and len(fitting) != 1:
        raise UserError(
            f"2D predictions of {count} joints do not name their skeleton; put meta['skeleton'] in the file"
        )
    source = skeleton(named or fitting[0])
    if len(source) != count or dimensions != 2:
        raise UserError(
            f"2D predictions of {count} joints x {dimensions} coordinates are not of '{source.name}', which has "
            f"{len(source)} x 2"
        )
    place = {int(identity): row for row, identity in enumerate(predictions.ids)}
    rows = np.array([place.get(int(identity), -1) for identity in poses.ids], dtype=np.int64)
    if len(rows) and not (rows >= 0).any():
        raise UserError(f"the 2D predictions are of other frames than {poses.name} {poses.split}")
    order = mapping(source, H80K)
    joints = predictions.keypoints[np.maximum(rows, 0)][:, np.maximum(order, 0)].astype(np.float64)
    joints[rows < 0] = np.nan
    joints[:, order < 0] = np.nan
    return joints


def _finite(points: Array) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(points).all(axis=-1))


def _padded(points: Array, known: NDArray[np.bool_], otherwise: NDArray[np.float32]) -> NDArray[np.float32]:
    """Padded boxes (N, 4), about the known points (N, K, 2 or 3); `otherwise` where they give none."""
    tight = box.from_keypoints(points[..., :2], known)
    padded = box.padded(tight)
    size = padded[:, 2:] - padded[:, :2]
    some = np.asarray(np.isfinite(padded).all(axis=1) & (size > 0).all(axis=1), bool)
    return np.where(some[:, None], padded, otherwise).astype(np.float32)
