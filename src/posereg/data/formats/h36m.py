"""Human3.6M frames in COCO's format, with 3D joints: `h36m_coco.json` and `*body3d.npz`, images by subject.

The 17 joints have CHALL_H80K's order (right before left; the category list of some published files swaps the names
of the hips); the thorax is added. Camera axes come from the .npz (`S`, metres), matched by image name; the
JSON's `keypoints_3d` alone are world axes, which no picture shows. Images lie in `<root>/<subject>/<sequence>/`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats import coco_json
from posereg.data.formats.h80k import with_thorax
from posereg.data.formats.paths import annotation_file
from posereg.errors import UserError, nearest
from posereg.files import reading
from posereg.geometry import boxes
from posereg.records import sets_cache
from posereg.records.arrays import read_npz
from posereg.records.parts import slabs
from posereg.records.poses import PoseSet
from posereg.skeletons.skeleton import H80K, skeleton

SLAB = 1 << 14  # frames that are computed with at a time
# The usual protocol: five people to train on, two to validate.
SUBJECTS = {"train": ("S1", "S5", "S6", "S7", "S8"), "val": ("S9", "S11")}


def read(root: Path | str, split: str = "all", annotations: Path | str | None = None) -> PoseSet:
    """The frames of a split's subjects (`SUBJECTS`), by the images' names; of `all` every frame.

    Columns: `xyz` (N, 18, 3) mm in camera axes relative to the pelvis, `camera_xyz` the same absolute,
    `action` by name, `z` depth in image pixels (weak perspective: the box's scale at the pelvis).

    Raises:
        UserError: an unknown split, or a file that is missing, of another format, without a subject in an image's
            name or without a camera for it, or without any frame of the split.
    """
    if split != "all" and split not in SUBJECTS:
        raise UserError(f"h36m: no split '{split}'{nearest(split, (*SUBJECTS, 'all'))}")
    root = Path(root)
    path = annotation_file(root, annotations, ("h36m_coco.json",))
    files = (path, *sorted(path.parent.glob("*body3d*.npz")))
    return sets_cache.read("h36m", root, split, files, H80K, lambda: _read(root, split, *files))


def _read(root: Path, split: str, path: Path, *axes: Path) -> sets_cache.Reading:
    annotated = coco_json.load(path, skeleton("h36m"), by_name=False)
    points = with_thorax(annotated.keypoints().astype(np.float64)).astype(np.float32)
    depths = _depths(_camera_axes(path, axes, annotated), points)  # before the rest: it takes the most memory
    flags = np.concatenate(
        [annotated.visibility, annotated.visibility[:, [11, 14]].min(axis=1)[:, None]], axis=1
    )
    annotated.visibility = np.where(flags > 0, 2, 0).astype(np.uint8)
    tight = boxes.from_keypoints(points, flags > 0)
    annotated.file_names = [_location(name) for name in annotated.file_names]
    of_image = [_action(name) for name in annotated.file_names]
    extras: dict[str, NDArray[Any]] = {
        **depths,
        "action": np.array(of_image)[annotated.person_image],
    }
    coco_json.locate(annotated, path, root, "")
    everybody = coco_json.pose_set(
        "h36m", split, path, root, H80K, annotated, points, boxes.padded(tight).astype(np.float32), extras
    )
    return everybody if split == "all" else _of_subjects(everybody, split), annotated.looked_at


def _of_subjects(everybody: PoseSet, split: str) -> PoseSet:
    subjects = [_subject(name) for name in everybody.images]
    if None in subjects:
        raise UserError(
            f"{everybody.annotations}: image '{everybody.images[subjects.index(None)]}' names no subject (S1, S5 ...), "
            f"by which {split} is told from the rest; give a split of your own as a file, and split=all"
        )
    wanted = np.array([subject in SUBJECTS[split] for subject in subjects], dtype=bool)
    if not wanted.any():
        raise UserError(
            f"{everybody.annotations}: no frame of {split}, subjects {', '.join(SUBJECTS[split])}; it has "
            f"{', '.join(sorted({str(subject) for subject in subjects}))}"
        )
    return everybody.on_images(wanted)


def _depths(axes: NDArray[np.floating], points: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The columns `xyz`, `camera_xyz` and `z` of joints in camera axes (N, 17, 3), metres, and (N, 18, 2) pixels."""
    axes = with_thorax(axes)  # the same name, so that what was given can go
    axes *= 1000  # in place: of 1.5 million frames each copy is 650 MB
    camera = axes.astype(np.float32)
    axes -= axes[:, :1].copy()
    depth = axes[..., 2] * _pixels_per_mm(points, axes)[:, None]
    return {"xyz": axes.astype(np.float32), "camera_xyz": camera, "z": depth.astype(np.float32)}


def _camera_axes(path: Path, files: Sequence[Path], annotated: coco_json.Annotated) -> NDArray[np.float64]:
    """(N, 17, 3) metres, from the .npz files beside the annotations."""
    joints: list[NDArray[np.float64]] = []
    known: dict[str, int] = {}
    for file in files:
        joints.append(_of_file(file, known, sum(map(len, joints))))
    bases = [_base(name) for name in annotated.file_names]
    wanted = [bases[k] for k in annotated.person_image.tolist()]
    if (missing := next((name for name in wanted if name not in known), None)) is not None:
        raise UserError(
            f"{path}: no camera-axes joints for {missing}; they are read from a *body3d*.npz beside it"
        )
    rows = np.fromiter(map(known.__getitem__, wanted), np.intp, len(wanted))
    # As the usual one file's alone: another copy of 1.5 million frames would be 600 MB.
    none = np.empty((0, len(skeleton("h36m")), 3))
    return (joints[0] if len(joints) == 1 else np.concatenate([none, *joints]))[rows]


def _of_file(file: Path, known: dict[str, int], start: int) -> NDArray[np.float64]:
    """The joints of an .npz; `known` learns the row of each of its pictures, from `start` on."""
    kind = "a file of Human3.6M joints in camera axes"
    content = read_npz(file, kind, needs=("imgname", "S"))
    with reading(file, kind):
        # Taken out, so that each array goes when it is done with.
        found = content.pop("S")[..., :3].astype(np.float64).reshape(-1, len(skeleton("h36m")), 3)
        names = (_base(str(name)) for name in content.pop("imgname").tolist())
        known.update(zip(names, range(start, start + len(found)), strict=True))
    return found


def _pixels_per_mm(points: NDArray[np.floating], relative: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scale of the weak-perspective camera: least squares of centred pixels on centred millimetres."""
    scale = np.empty(len(points))
    for some in slabs(len(points), SLAB):
        flat = relative[some, :, :2] - relative[some, :, :2].mean(axis=1, keepdims=True)
        seen = points[some] - points[some].mean(axis=1, keepdims=True)
        scale[some] = (flat * seen).sum(axis=(1, 2)) / (flat**2).sum(axis=(1, 2))
    return scale


def _base(name: str) -> str:
    """The last part of a path. (pathlib takes twenty times as long and keeps each name in memory for good.)"""
    return name[name.rfind("/") + 1 :]


def _sequence(name: str) -> str:
    """`S1_Directions_1.54138969` of an image's name or path."""
    return _base(name).rpartition("_")[0]


def _location(name: str) -> str:
    """`S1_Directions_1.54138969_000001.jpg` lies in `S1/S1_Directions_1.54138969/`; a path is left alone."""
    sequence = _sequence(name)
    return name if "/" in name else f"{sequence.split('_')[0]}/{sequence}/{name}"


def _subject(name: str) -> str | None:
    """`S1` of `S1_Directions_1.54138969_000001.jpg`."""
    return _named(_named_by(name))[0]


def _action(name: str) -> str:
    """`Directions` of `S1_Directions_1.54138969_000001.jpg`."""
    return _named(_named_by(name))[1] or "unknown"


def _named_by(name: str) -> str:
    """What says subject and action: the sequence, of which there are few, or the whole name."""
    return sequence if "_" in (sequence := _sequence(name)) else _base(name)


@cache
def _named(sequence: str) -> tuple[str | None, str | None]:
    """Subject and action in a sequence's name."""
    subject, action = re.match(r"S\d+(?=_)", sequence), re.match(r"S\d+_([A-Za-z]+)", sequence)
    return subject and subject[0], action and action[1]
