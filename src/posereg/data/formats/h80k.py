"""CHALL_H80K (Human3.6M challenge): `Train|Val|Test/IMG/%05d.jpg`, `Train|Val/POSE/%05d.csv`.

A pose is 17 lines x,y,z in mm, camera axes, relative to the pelvis (line 1); the thorax, mean of the shoulders, is
joint 18. There are no 2D joints and no cameras; `projection.py` adds them.
Column `xyz` (N, 18, 3) mm, NaN in the test split.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats.lsp import whole_images
from posereg.data.formats.splits import together
from posereg.errors import UserError
from posereg.files import read_text, reading
from posereg.records.poses import PoseSet
from posereg.skeletons.skeleton import H80K

FOLDERS = {"train": "Train", "val": "Val", "test": "Test"}
SPLITS = (*FOLDERS, "trainval")
JOINTS = 17
SHOULDERS = (11, 14)


def read(root: Path | str, split: str, annotations: Path | str | None = None) -> PoseSet:
    """One person per image, numbered as the files; boxes hold the whole frame, joints in the image are unlabelled.

    Args:
        annotations: the folder of pose files, if not `<root>/<Split>/POSE`.

    Raises:
        UserError: unknown split, missing folder, a pose without its picture, or a file that is not a pose.
    """
    root = Path(root)
    if split == "trainval" and annotations is None:
        return together(split, [read(root, part) for part in ("train", "val")])
    if split not in FOLDERS:
        raise UserError(f"CHALL_H80K has no split '{split}'; valid: {', '.join(SPLITS)}")
    pictures = root / FOLDERS[split] / "IMG"
    if not pictures.is_dir():
        raise UserError(f"{pictures}: no such folder; put CHALL_H80K below {root} or set data.root")
    numbers = np.array(sorted(int(path.stem) for path in pictures.glob("*.jpg")), dtype=np.int64)
    if not len(numbers):
        raise UserError(f"{pictures}: no pictures %05d.jpg")
    poses = Path(annotations) if annotations is not None else root / FOLDERS[split] / "POSE"
    xyz = np.full((len(numbers), JOINTS, 3), np.nan)
    if split != "test" or annotations is not None:
        for row, number in enumerate(numbers):
            xyz[row] = read_pose(poses / f"{number:05d}.csv")
    images = tuple(f"{FOLDERS[split]}/IMG/{number:05d}.jpg" for number in numbers)
    count = len(numbers)
    return PoseSet(
        name="h80k",
        split=split,
        skeleton=H80K,
        root=root,
        images=images,
        image_ids=numbers,
        person_image=np.arange(count, dtype=np.int64),
        ids=numbers.copy(),
        keypoints=np.zeros((count, len(H80K), 2), dtype=np.float32),
        visibility=np.zeros((count, len(H80K)), dtype=np.uint8),
        boxes=whole_images(root, images),
        annotations=poses if poses.is_dir() else pictures,
        extras={"xyz": with_thorax(xyz).astype(np.float32)},
    )


def read_pose(path: Path) -> NDArray[np.float64]:
    """One pose (17, 3) mm.

    Raises:
        UserError: missing, or not 17 lines of three numbers.
    """
    if not path.exists():
        raise UserError(f"{path}: no such pose file, but its picture is there")
    lines = read_text(path, "a pose file").splitlines()
    with reading(path, "a pose file"):
        values = [float(value) for line in lines for value in line.split(",") if value]
    if len(values) != JOINTS * 3:
        raise UserError(f"{path}: {len(values)} numbers, a pose has {JOINTS} lines of 3")
    return np.array(values).reshape(JOINTS, 3)


def with_thorax(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """(N, 17, D) to (N, 18, D): the thorax is the mean of the shoulders."""
    thorax = points[:, SHOULDERS, :].mean(axis=1, keepdims=True)
    return np.concatenate([points, thorax], axis=1)
