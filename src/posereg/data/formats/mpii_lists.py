"""The lists that stand in for MPII's official file: stacked-hourglass .h5, simple-baselines .json, .csv, gt_valid.mat.

`mpii.py` describes what each of them holds; coordinates are 1-based as published.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats import matfile
from posereg.errors import UserError
from posereg.files import read_json, read_table, reading
from posereg.records.arrays import read_hdf5

HEAD_SHARE = 0.6  # of the head box's diagonal: MPII's head size, the unit of PCKh
DOWN_PER_SCALE = 15.0  # the codes move objpos down by this: it lies too close to the head
HOURGLASS_PADDING = 1.25  # the stacked-hourglass files carry it in their scale
HEAD_PER_SCALE = 25.0  # 0.6 x head diagonal / scale, exact on the 2,958 validation people

Float = NDArray[np.float64]


@dataclass
class People:
    """The content of one file, 1-based as published; `pose_set` makes a `PoseSet` of it."""

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
    marks_occlusion: bool = True  # False: the list does not say which joints are visible

    def __post_init__(self) -> None:
        count = len(self.names)
        wanted = {
            "joints": (count, 16, 2),
            "annotated": (count, 16),
            "visible": (count, 16),
            "center": (count, 2),
            "scale": (count,),
            "head_box": (count, 4),
            "annolist": (count,),
            "annorect": (count,),
        }
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {shape}")

    def rows(self, index: NDArray[np.int64] | NDArray[np.bool_] | list[int]) -> People:
        """Only these people, in this order; `index` holds row numbers or is a mask (N,)."""
        where = np.asarray(index)
        if where.dtype == bool:
            where = np.flatnonzero(where)
        size = None if self.head_size is None else self.head_size[where]
        columns = ("joints", "annotated", "visible", "center", "scale", "head_box", "annolist", "annorect")
        picked: dict[str, Any] = {name: getattr(self, name)[where] for name in columns}
        return People(
            names=[self.names[k] for k in where],
            head_size=size,
            marks_occlusion=self.marks_occlusion,
            **picked,
        )


def read_h5(path: Path) -> People:
    """A stacked-hourglass file. Its centre and scale carry the +15 * scale and x1.25 already; taken back here."""
    kind = "a stacked-hourglass MPII file"
    file = read_hdf5(path, kind, needs=("part", "visible", "imgname", "scale", "center", "index", "person"))
    with reading(path, kind):
        part, visible = file["part"].astype(float), file["visible"] > 0
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in file["imgname"].tolist()]
        scale = file["scale"].astype(float) / HOURGLASS_PADDING
        center = file["center"].astype(float)
        index, person = file["index"].astype(np.int64), file["person"].astype(np.int64)
        size = file["normalize"].astype(float) if "normalize" in file else None
        center[:, 1] -= DOWN_PER_SCALE * scale
        annotated = (part != 0).any(axis=2)
        if size is not None and not (size > 0).all():  # test.h5 has none
            size = None
        unknown = np.full((len(names), 4), np.nan)
        return People(names, part, annotated, visible, center, scale, unknown, index, person, size)


def read_baselines(path: Path) -> People:
    """A simple-baselines JSON: image, scale, center, joints and joints_vis; raw values, missing joints -1."""
    with reading(path, "a simple-baselines MPII list"):
        rows = read_json(path)
        names = [_name(row["image"]) for row in rows]
        center = np.array([row["center"] for row in rows], dtype=float).reshape(-1, 2)
        scale = np.array([row["scale"] for row in rows], dtype=float)
        joints = np.array([row.get("joints", [[-1, -1]] * 16) for row in rows], dtype=float)
        flags = np.array([row.get("joints_vis", [0] * 16) for row in rows]).reshape(-1, 16) > 0
        unknown = np.full(len(rows), -1, dtype=np.int64)
        nowhere = np.full((len(rows), 4), np.nan)
        joints = joints.reshape(-1, 16, 2)
        return People(
            names, joints, flags, flags, center, scale, nowhere, unknown, unknown, marks_occlusion=False
        )


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"an image is named {value!r}")
    return value


def read_csv(path: Path) -> People:
    """One person per row; joint columns in MPII's order, absent joints -1. It has no objpos.

    Raises:
        UserError: not such a file.
    """
    kind = "a list of MPII people"
    header, rows = read_table(path, kind)
    xs = [name for name in header if name.endswith("_X")]
    if "NAME" not in header or "Scale" not in header or len(xs) != 16:
        raise UserError(f"{path}: needs the columns NAME, Scale and 16 joints <joint>_X, <joint>_Y")
    with reading(path, kind):
        columns = [(name, f"{name[:-1]}Y") for name in xs]
        joints = np.array([[[row[x], row[y]] for x, y in columns] for row in rows], dtype=float)
        joints = joints.reshape(-1, 16, 2)
        scale = np.array([row["Scale"] for row in rows], dtype=float)
    annotated = (joints != -1).any(axis=2)
    nowhere, unknown = np.full((len(rows), 2), np.nan), np.full(len(rows), -1, dtype=np.int64)
    names = [row["NAME"] for row in rows]
    return People(
        names,
        joints,
        annotated,
        annotated,
        nowhere,
        scale,
        np.full((len(rows), 4), np.nan),
        unknown,
        unknown,
        marks_occlusion=False,
    )


def read_ground_truth(path: Path) -> People:
    """gt_valid.mat: joints, missing mask, head boxes; images, centre and scale from `valid.h5` or `.json` beside it.

    Alone it still serves the evaluation: images are then unnamed and boxes follow from joints and head size.

    Raises:
        UserError: not such a file, or one of other people than the file beside it.
    """
    file = matfile.load(path)
    with reading(path, "the official MPII file or gt_valid.mat"):
        joints = file["pos_gt_src"].transpose(2, 0, 1).astype(float)
        annotated = file["jnt_missing"].T == 0
        corners = file["headboxes_src"].astype(float)  # (2 corners, xy, N)
        head_box = corners.transpose(2, 0, 1).reshape(-1, 4)
        head_size = HEAD_SHARE * np.linalg.norm(corners[1] - corners[0], axis=0)
        if not joints.shape == (len(head_size), 16, 2) or annotated.shape != joints.shape[:2]:
            raise ValueError(f"joints {joints.shape}, missing {annotated.shape}, head boxes {head_box.shape}")
    beside = next((p for p in (path.with_name("valid.h5"), path.with_name("valid.json")) if p.exists()), None)
    if beside is None:
        count, unknown = len(joints), np.full(len(joints), -1, dtype=np.int64)
        names = [f"unnamed_{k:04d}.jpg" for k in range(count)]
        nowhere = np.full((count, 2), np.nan)
        scale = head_size / HEAD_PER_SCALE
        return People(
            names,
            joints,
            annotated,
            annotated,
            nowhere,
            scale,
            head_box,
            unknown,
            unknown,
            head_size,
            marks_occlusion=False,
        )
    people = read_h5(beside) if beside.suffix == ".h5" else read_baselines(beside)
    if len(people.names) != len(joints):
        raise UserError(
            f"{path}: {len(joints)} people, but {beside.name} beside it has {len(people.names)}; one of them is cut"
        )
    return replace(people, joints=joints, annotated=annotated, head_box=head_box, head_size=head_size)


def join(parts: list[People]) -> People:
    """The people of several files, one after another; `head_size` only if every file has it."""

    def column(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    sized = all(part.head_size is not None for part in parts)
    columns = ("joints", "annotated", "visible", "center", "scale", "head_box", "annolist", "annorect")
    return People(
        names=[name for part in parts for name in part.names],
        head_size=column("head_size") if sized else None,
        marks_occlusion=all(part.marks_occlusion for part in parts),
        **{name: column(name) for name in columns},
    )
