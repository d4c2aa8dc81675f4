"""3D poses as pictures: skeletons from two views beside the image, error by joint and by depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.evaluation.align import align
from posereg.evaluation.mpjpe import root_error
from posereg.figures import canvas
from posereg.figures.people import Example, picture_of, sheet, spread, tile
from posereg.files import whole_file
from posereg.geometry.drawing import draw_skeleton
from posereg.records.poses import VISIBLE, PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import Skeleton

Image = NDArray[np.uint8]
Array = NDArray[np.float64]
# Degrees about the vertical: as the camera sees the person, and from the camera's right.
VIEWS = {"front": 0.0, "side": 90.0}
GRAY = (190, 197, 208)
INK, FONT = (51, 65, 85), cv2.FONT_HERSHEY_SIMPLEX
MARGIN = 1.15


def write(poses: PoseSet, predictions: Predictions, folder: Path, people: int = 6) -> dict[str, str]:
    """Write a run's pictures into its folder; returns title -> file name. Nothing without 3D ground truth."""
    difference = differences(poses, predictions)
    known = np.asarray(np.isfinite(difference).all(axis=(1, 2)))
    if not known.any():
        return {}
    poses, difference = poses.people(known), difference[known]
    with whole_file(folder / "skeletons.jpg") as temporary:
        cv2.imwrite(str(temporary), sheet(gallery(poses, {"predicted": predictions}, people))[..., ::-1])
    depth = _relative(np.asarray(poses.extras["xyz"], np.float64))[..., 2]
    canvas.save(error_by_joint({"": difference}, poses.skeleton.joints), folder / "error_by_joint.png")
    canvas.save(error_by_depth(difference, depth), folder / "error_by_depth.png")
    names = ("skeletons.jpg", "error_by_joint.png", "error_by_depth.png")
    return {Path(name).stem: name for name in names}


def differences(poses: PoseSet, predictions: Predictions) -> Array:
    """Predicted minus true joints (N, K, 3), both relative to the root, mm; NaN where either is missing.

    Raises:
        UserError: predictions of other people, or not of 3D joints.
    """
    predicted = align(poses, predictions, dimensions=3).keypoints
    return _relative(predicted) - _relative(np.asarray(poses.extras["xyz"], np.float64))


def gallery(
    poses: PoseSet, rows: Mapping[str, Predictions], count: int = 6, side: int = 200
) -> list[Example]:
    """`count` people from easy to hard: the image with the projected pose, then two views for every row.

    Errors of an example are its joints' mean distances in mm.

    Raises:
        UserError: predictions that do not name the people of this set.
    """
    truth = np.asarray(poses.extras["xyz"], np.float64)
    aligned = {name: align(poses, its, dimensions=3).keypoints for name, its in rows.items()}
    errors = {name: root_error(its, truth).mean(axis=1) for name, its in aligned.items()}
    median = np.nan_to_num(np.median(np.stack(list(errors.values())), axis=0), nan=np.inf)
    shown = poses.skeleton
    examples = []
    for person in spread(median, count):
        picture = picture_of(poses, person)
        flat = tile(
            picture, poses.boxes[person], poses.keypoints[person], poses.visibility[person], shown, side
        )
        tiles = [("image", flat)]
        for name, its in aligned.items():
            for view, azimuth in VIEWS.items():
                label = f"{name} {view}".strip()
                view_of = skeleton_view(its[person], truth[person], shown, azimuth, side)
                error_text = f"{errors[name][person]:.0f} mm"
                cv2.putText(view_of, error_text, (4, side - 6), FONT, 0.4, INK, 1, cv2.LINE_AA)
                tiles.append((label, view_of))
        examples.append(Example(person, tuple(tiles), {n: float(e[person]) for n, e in errors.items()}))
    return examples


def skeleton_view(
    predicted: NDArray[np.floating],
    truth: NDArray[np.floating] | None,
    skeleton: Skeleton,
    azimuth: float = 0.0,
    side: int = 200,
) -> Image:
    """The pose (K, 3) mm from one side, without perspective, over the true one in grey: (side, side, 3).

    Args:
        azimuth: degrees that the viewer walks from the camera to its right, about the vertical through the root.
    """
    pose = _relative(np.asarray(predicted, np.float64)[None])[0]
    poses = [pose] if truth is None else [_relative(np.asarray(truth, np.float64)[None])[0], pose]
    reach = MARGIN * max(float(np.nanmax(np.abs(poses[0]))), 1.0)
    canvas = np.full((side, side, 3), 255, np.uint8)
    turn = np.deg2rad(azimuth)
    for k, points in enumerate(poses):
        across = points[:, 0] * np.cos(turn) + points[:, 2] * np.sin(turn)
        flat = np.stack([across, points[:, 1]], axis=1) / reach * (side / 2) + (side - 1) / 2
        if k < len(poses) - 1:
            ends = np.round(flat * 16).astype(int)
            for a, b in skeleton.limbs:
                cv2.line(canvas, tuple(map(int, ends[a])), tuple(map(int, ends[b])), GRAY, 2, cv2.LINE_AA, 4)
            continue
        canvas = draw_skeleton(canvas, flat, np.full(len(flat), VISIBLE, np.uint8), skeleton)
    return canvas


def error_by_joint(runs: Mapping[str, Array], joints: Sequence[str]) -> Any:
    """Mean error of every joint, a dot a run, and the 90th percentile as a faint bar.

    Args:
        runs: by name, `differences` (N, K, 3).
    """
    with canvas.canvas(6.0, 0.26 * len(joints) + 1.0) as (figure, axes):
        places = np.arange(len(joints))
        for k, (name, difference) in enumerate(runs.items()):
            error, color = np.linalg.norm(difference, axis=-1), canvas.COLORS[k % len(canvas.COLORS)]
            shift = (k - (len(runs) - 1) / 2) * 0.7 / len(runs)
            high = np.percentile(error, 90, axis=0)
            axes.barh(places + shift, high, 0.6 / len(runs), color=color, alpha=0.18)
            axes.plot(error.mean(axis=0), places + shift, "o", ms=5, color=color, label=name)
        axes.set_yticks(places, [joint.replace("_", " ") for joint in joints])
        axes.set_ylim(len(joints) - 0.4, -0.6)
        axes.set_xlabel("error (mm): mean, and 90th percentile as a bar")
        axes.grid(axis="y", visible=False)
        if len(runs) > 1:
            axes.legend(frameon=False)
    return figure


def error_by_depth(difference: Array, depth: Array, bins: int = 12) -> Any:
    """Mean error over the true depth of a joint relative to the root, in bins of equally many joints.

    Args:
        difference: (N, K, 3). depth: (N, K) mm, away from the camera.
    """
    # The root has no error and lies at 0 by definition.
    parts, z = difference[:, 1:].reshape(-1, 3), depth[:, 1:].ravel()
    order = np.array_split(np.argsort(z, kind="stable"), min(bins, len(z)))
    middle = [float(z[rows].mean()) for rows in order]
    lines = {
        "distance": (np.linalg.norm(parts, axis=1), "solid"),
        "in the image plane": (np.linalg.norm(parts[:, :2], axis=1), "dashed"),
        "along the depth": (np.abs(parts[:, 2]), "dotted"),
    }
    with canvas.canvas(6.0, 3.4) as (figure, axes):
        for k, (name, (values, dash)) in enumerate(lines.items()):
            means = [float(values[rows].mean()) for rows in order]
            axes.plot(middle, means, marker="o", ms=3.5, lw=1.6, ls=dash, color=canvas.COLORS[k], label=name)
        axes.set_xlabel("true depth relative to the pelvis (mm), away from the camera")
        axes.set_ylabel("mean error (mm)")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    return figure


def _relative(points: Array) -> Array:
    return points - points[:, :1]
