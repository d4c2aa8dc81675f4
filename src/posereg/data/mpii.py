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

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data import matfile
from posereg.data.paths import annotation_file, image_folder
from posereg.data.poses import NOT_LABELLED, OCCLUDED, VISIBLE, PoseSet
from posereg.errors import UserError
from posereg.files import read_json
from posereg.geometry import boxes
from posereg.skeletons import MPII

SPLITS = ("train", "valid", "trainval", "test")
OFFICIAL = "mpii_human_pose_v1_u12_1.mat"
GROUND_TRUTH = ("gt_valid.mat", "detections_our_format.mat")
COUNTS = {"train": 22246, "valid": 2958, "test": 11731}
HEAD_PER_SCALE = 25.0  # 0.6 x head diagonal / scale, exact on the 2,958 validation people

Float = NDArray[np.float64]


@dataclass
class People:
    """What one file says, 1-based as published; `PoseSet` made by `pose_set`."""

    names: list[str]
    joints: Float  # (N, 16, 2), anything where not annotated
    annotated: NDArray[np.bool_]  # (N, 16)
    visible: NDArray[np.bool_]  # (N, 16)
    center: Float  # (N, 2) raw objpos
    scale: Float  # (N,) raw
    head_box: Float  # (N, 4) or NaN
    annolist: NDArray[np.int64]
    annorect: NDArray[np.int64]
    head_size: Float | None = None

    def rows(self, index: NDArray[np.int64] | NDArray[np.bool_] | list[int]) -> People:
        where = np.asarray(index)
        if where.dtype == bool:
            where = np.flatnonzero(where)
        size = None if self.head_size is None else self.head_size[where]
        columns = ("joints", "annotated", "visible", "center", "scale", "head_box", "annolist", "annorect")
        picked: dict[str, Any] = {name: getattr(self, name)[where] for name in columns}
        return People(names=[self.names[k] for k in where], head_size=size, **picked)


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
    if (
        lacking.any()
    ):  # no objpos: the middle of the joints, and no shift downwards, since it is no head-biased centre
        tight = boxes.from_keypoints(joints, people.annotated)
        center[lacking] = boxes.center_size(tight)[0][lacking]
    shifted = center + np.stack([np.zeros_like(scale), np.where(lacking, 0.0, 15 * scale)], axis=1)
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
        images=tuple(folder + name for name in names),
        image_ids=_image_ids(names),
        person_image=np.array([place[name] for name in people.names], dtype=np.int64),
        ids=np.where(known, people.annolist * 100 + people.annorect, 0)
        if known.all()
        else np.arange(len(scale)),
        keypoints=joints,
        visibility=visibility.astype(np.uint8),
        boxes=boxes.from_center(shifted, (250 * scale)[:, None]),
        annotations=path,
        extras={
            "scale": scale.astype(np.float32),
            "center": center.astype(np.float32),
            "head_size": head_size,
            "head_box": (people.head_box - 1).astype(np.float32),
            "annolist": people.annolist,
            "annorect": people.annorect,
        },
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
                return _join([read_h5(path.with_name(f"{part}.h5")) for part in ("train", "valid")])
            return read_h5(path)
        case ".json":
            return read_baselines(path)
        case ".csv":
            return read_csv(path)
        case ".mat":
            from posereg.data import mpii_mat

            if mpii_mat.is_official(path):
                return mpii_mat.read_official(path, split)
            return _ground_truth(path)
        case suffix:
            raise UserError(f"{path}: MPII annotations are .mat, .h5, .json or .csv, not '{suffix}'")


def read_h5(path: Path) -> People:
    """A stacked-hourglass file. Its centre and scale carry the +15 * scale and x1.25 already; taken back here."""
    import h5py

    try:
        with h5py.File(path) as file:
            part, visible = file["part"][:].astype(float), file["visible"][:] > 0
            names = [name.decode() if isinstance(name, bytes) else str(name) for name in file["imgname"][:]]
            scale = file["scale"][:].astype(float) / 1.25
            center = file["center"][:].astype(float)
            index, person = file["index"][:].astype(np.int64), file["person"][:].astype(np.int64)
            size = file["normalize"][:].astype(float) if "normalize" in file else None
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (KeyError, OSError) as error:
        raise UserError(f"{path}: not a stacked-hourglass MPII file ({error})") from error
    center[:, 1] -= 15 * scale
    if size is not None and not (size > 0).all():  # test.h5 has none
        size = None
    unknown = np.full((len(names), 4), np.nan)
    annotated = (part != 0).any(axis=2)
    return People(names, part, annotated, visible, center, scale, unknown, index, person, size)


def read_baselines(path: Path) -> People:
    """A simple-baselines JSON: image, scale, center, joints and joints_vis; raw values, missing joints -1."""
    rows = read_json(path)
    try:
        names = [row["image"] for row in rows]
        center = np.array([row["center"] for row in rows], dtype=float).reshape(-1, 2)
        scale = np.array([row["scale"] for row in rows], dtype=float)
        joints = np.array([row.get("joints", [[-1, -1]] * 16) for row in rows], dtype=float).reshape(
            -1, 16, 2
        )
        flags = np.array([row.get("joints_vis", [0] * 16) for row in rows]).reshape(-1, 16) > 0
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a simple-baselines MPII list ({error!r})") from error
    unknown = np.full(len(rows), -1, dtype=np.int64)
    return People(
        names, joints, flags, flags, center, scale, np.full((len(rows), 4), np.nan), unknown, unknown
    )


def read_csv(path: Path) -> People:
    """One person a row; joint columns in MPII's order, absent joints -1. It has no objpos."""
    with open(path, newline="") as file:
        table = csv.DictReader(file)
        rows, fields = list(table), table.fieldnames or []
    xs = [name for name in fields if name.endswith("_X")]
    if "NAME" not in fields or "Scale" not in fields or len(xs) != 16:
        raise UserError(f"{path}: needs the columns NAME, Scale and 16 joints <joint>_X, <joint>_Y")
    columns = [(name, f"{name[:-1]}Y") for name in xs]
    joints = np.array([[[row[x], row[y]] for x, y in columns] for row in rows], dtype=float).reshape(
        -1, 16, 2
    )
    annotated = (joints != -1).any(axis=2)
    scale = np.array([row["Scale"] for row in rows], dtype=float)
    nowhere, unknown = np.full((len(rows), 2), np.nan), np.full(len(rows), -1, dtype=np.int64)
    names = [row["NAME"] for row in rows]
    return People(
        names, joints, annotated, annotated, nowhere, scale, np.full((len(rows), 4), np.nan), unknown, unknown
    )


def _ground_truth(path: Path) -> People:
    """gt_valid.mat: joints, missing mask, head boxes; images, centre and scale from `valid.h5` or `.json` beside it.

    Alone it still serves the evaluation: images are then unnamed and boxes follow from joints and head size.
    """
    file = matfile.load(path)
    try:
        joints = file["pos_gt_src"].transpose(2, 0, 1).astype(float)
        annotated = file["jnt_missing"].T == 0
        corners = file["headboxes_src"].astype(float)  # (2 corners, xy, N)
    except (KeyError, ValueError) as error:
        raise UserError(f"{path}: neither the official MPII file nor gt_valid.mat ({error})") from error
    head_box = corners.transpose(2, 0, 1).reshape(-1, 4)
    head_size = 0.6 * np.linalg.norm(corners[1] - corners[0], axis=0)
    beside = next((p for p in (path.with_name("valid.h5"), path.with_name("valid.json")) if p.exists()), None)
    if beside is None:
        count, unknown = len(joints), np.full(len(joints), -1, dtype=np.int64)
        names = [f"unnamed_{k:04d}.jpg" for k in range(count)]
        nowhere = np.full((count, 2), np.nan)
        scale = head_size / HEAD_PER_SCALE
        return People(
            names, joints, annotated, annotated, nowhere, scale, head_box, unknown, unknown, head_size
        )
    people = read_h5(beside) if beside.suffix == ".h5" else read_baselines(beside)
    if len(people.names) != len(joints):
        raise UserError(
            f"{path}: {len(joints)} people, but {beside.name} beside it has {len(people.names)}; one of them is cut"
        )
    return replace(people, joints=joints, annotated=annotated, head_box=head_box, head_size=head_size)


def _join(parts: list[People]) -> People:
    def column(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    sized = all(part.head_size is not None for part in parts)
    columns = ("joints", "annotated", "visible", "center", "scale", "head_box", "annolist", "annorect")
    return People(
        names=[name for part in parts for name in part.names],
        head_size=column("head_size") if sized else None,
        **{name: column(name) for name in columns},
    )


def _image_ids(names: tuple[str, ...]) -> NDArray[np.int64]:
    """The number in the file name where every name is one (as in MPII), else the order."""
    stems = [Path(name).stem for name in names]
    if all(stem.isdigit() for stem in stems) and len(set(map(int, stems))) == len(stems):
        return np.array([int(stem) for stem in stems], dtype=np.int64)
    return np.arange(len(names), dtype=np.int64)
