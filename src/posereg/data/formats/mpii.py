"""MPII Human Pose: the official annotations and the three derived formats in common use.

Joints, centres and head boxes are MATLAB 1-based in every one of these files and 0-based here. The
person box is square, side 200 * 1.25 * scale, about objpos moved down by 15 * scale (the box of the
stacked-hourglass, simple-baselines and integral codes).

| file | what it is | scale and centre |
|---|---|---|
| `mpii_human_pose_v1_u12_1.mat` | official, all people (`mpii_mat.py`) | raw |
| `train.h5` `valid.h5` `test.h5` | stacked hourglass; defines the standard split | already adjusted |
| `train.json` `valid.json` `trainval.json` `test.json` | simple baselines | raw |
| `gt_valid.mat` = `detections_our_format.mat` | ground truth of valid.h5's people, row by row | none |
| `*.csv` | one person a row, with `NAME`, `<joint>_X`, `<joint>_Y`, `Scale` | raw, no centre |

Columns of every set read here: `scale` (raw, person height / 200 px), `center` (raw objpos), `head_size`
(0.6 x the head box's diagonal = 25 x scale), `head_box` (x1 y1 x2 y2, NaN where the file has none), and
`annolist`, `annorect` (0-based place in the official file, -1 where unknown), which the test submission needs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats import mpii_mat
from posereg.data.formats.mpii_lists import (
    DOWN_PER_SCALE,
    HEAD_PER_SCALE,
    People,
    join,
    read_baselines,
    read_csv,
    read_ground_truth,
    read_h5,
)
from posereg.data.formats.paths import annotation_file, image_folder, image_name
from posereg.errors import UserError
from posereg.geometry import boxes
from posereg.records.poses import NOT_LABELLED, OCCLUDED, VISIBLE, PoseSet
from posereg.skeletons.skeleton import MPII

HEIGHT_PER_SCALE = 200.0  # pixels: MPII states a person's height in units of 200
SPLITS = ("train", "valid", "trainval", "test")
OFFICIAL = "mpii_human_pose_v1_u12_1.mat"
GROUND_TRUTH = ("gt_valid.mat", "detections_our_format.mat")
COUNTS = {"train": 22246, "valid": 2958, "test": 11731}


def read(root: Path | str, split: str, annotations: Path | str | None = None) -> PoseSet:
    """The people of one split: `train` (22,246), `valid` (2,958), `trainval` (all that are annotated), `test`.

    Args:
        root: folder with `images/` and the annotation files, in itself or in `annotations/`.
        split: `test` holds no joints and, read from the official file, the people of the single-person lists.
        annotations: which file to read, of any format above. Without it: for train and valid the .h5, else
            the official .mat (split by the .h5 beside it), else JSON, else CSV, and valid joints
            from `gt_valid.mat` where it lies beside `valid.h5`; for trainval and test the official .mat first.

    Raises:
        UserError: unknown split, missing or foreign file.
    """
    root = Path(root)
    if split not in SPLITS:
        raise UserError(f"MPII has no split '{split}'; valid: {', '.join(SPLITS)}")
    path = annotation_file(root, annotations, _candidates(split))
    return pose_set(root, split, path, _people(path, split))


def pose_set(root: Path, split: str, path: Path, people: People) -> PoseSet:
    """The record of `people`: 0-based, boxes fitted, ids unique."""
    joints = np.where(people.annotated[..., None], people.joints - 1, 0).astype(np.float32)
    visibility = np.where(people.annotated, np.where(people.visible, VISIBLE, OCCLUDED), NOT_LABELLED)
    center, scale = people.center - 1, people.scale
    lacking = np.isnan(center).any(axis=1)
    # No objpos: the middle of the joints, without the shift downwards that corrects objpos's bias towards the head.
    if lacking.any():
        tight = boxes.from_keypoints(joints, people.annotated)
        center[lacking] = boxes.center_size(tight)[0][lacking]
    shifted = center + np.stack(
        [np.zeros_like(scale), np.where(lacking, 0.0, DOWN_PER_SCALE * scale)], axis=1
    )
    names = tuple(dict.fromkeys(people.names))
    place = {name: k for k, name in enumerate(names)}
    folder = image_folder(root)
    known = people.annolist >= 0
    head_size = HEAD_PER_SCALE * scale if people.head_size is None else people.head_size
    return PoseSet(
        name="mpii",
        split=split,
        skeleton=MPII,
        root=root,
        images=tuple(folder + image_name(name, path) for name in names),
        image_ids=_image_ids(names),
        person_image=np.array([place[name] for name in people.names], dtype=np.int64),
        ids=np.where(known, people.annolist * 100 + people.annorect, 0)
        if known.all()
        else np.arange(len(scale)),
        keypoints=joints,
        visibility=visibility.astype(np.uint8),
        boxes=boxes.from_center(shifted, (HEIGHT_PER_SCALE * boxes.PADDING * scale)[:, None]),
        annotations=path,
        extras={
            "scale": scale.astype(np.float32),
            "center": center.astype(np.float32),
            "head_size": head_size,
            "head_box": (people.head_box - 1).astype(np.float32),
            "annolist": people.annolist,
            "annorect": people.annorect,
        },
        marks_occlusion=people.marks_occlusion,
    )


def _candidates(split: str) -> tuple[str, ...]:
    official = (OFFICIAL, f"mpii_human_pose_v1_u12_2/{OFFICIAL}")
    if split in ("trainval", "test"):
        return (*official, f"{split}.h5", f"{split}.json", "train.h5")
    truth = GROUND_TRUTH if split == "valid" else ()
    return (*truth, f"{split}.h5", *official, f"{split}.json", f"{split}_people.csv")


def _people(path: Path, split: str) -> People:
    match path.suffix:
        case ".h5":
            if split == "trainval" and path.stem in ("train", "valid"):
                return join([read_h5(path.with_name(f"{part}.h5")) for part in ("train", "valid")])
            return read_h5(path)
        case ".json":
            return read_baselines(path)
        case ".csv":
            return read_csv(path)
        case ".mat":
            if mpii_mat.is_official(path):
                return mpii_mat.read_official(path, split)
            return read_ground_truth(path)
        case suffix:
            raise UserError(f"{path}: MPII annotations are .mat, .h5, .json or .csv, not '{suffix}'")


def _image_ids(names: tuple[str, ...]) -> NDArray[np.int64]:
    """The number in the file name where every name is one (as in MPII), else the order."""
    stems = [Path(name).stem for name in names]
    if all(stem.isdigit() for stem in stems) and len(set(map(int, stems))) == len(stems):
        return np.array([int(stem) for stem in stems], dtype=np.int64)
    return np.arange(len(names), dtype=np.int64)
