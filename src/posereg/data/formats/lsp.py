"""Leeds Sports Pose: 2,000 images, `joints.mat` 3 x 14 x 2000 (x, y, 1 = occluded), person-centric.

Layout: `<root>/images/im0001.jpg`, `<root>/joints.mat`. All 14 joints are labelled, MATLAB 1-based.
Column `torso`: left shoulder to right hip in pixels, the unit of PCK (NaN where not labelled).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats import matfile
from posereg.data.formats.paths import annotation_file, image_folder
from posereg.errors import UserError, nearest
from posereg.files import reading
from posereg.geometry import boxes
from posereg.geometry.pixels import image_box
from posereg.records.poses import NOT_LABELLED, OCCLUDED, VISIBLE, PoseSet
from posereg.settings.ranges import Annotated, Gt, Range
from posereg.skeletons.skeleton import LSP

RANGES = {"train": (1, 1000), "test": (1001, 2000), "all": (1, 2000)}
Crop = Literal["joints", "image"] | Annotated[float, Gt(1)]


def read(
    root: Path | str,
    split: str,
    annotations: Path | str | None = None,
    ranges: Mapping[str, Range] | None = None,
    crop: Crop = "joints",
) -> PoseSet:
    """
    Args:
        ranges: first and last image number (1-based, both included) of each split.
        crop: the region to crop: the joints' box x1.25, the whole image (images are cut about their person, so
            this needs no ground truth), or a square of so many pixels about the image's centre (cascade: 178).

    Raises:
        UserError: unknown split, joints.mat missing or of another format.
    """
    path = annotation_file(Path(root), annotations, ("joints.mat",))
    joints = load_joints(path, axes="(3, 14, N)").transpose(2, 1, 0)
    xy = joints[..., :2] - 1
    visibility = np.where(joints[..., 2] > 0.5, OCCLUDED, VISIBLE)
    return pose_set("lsp", Path(root), split, path, xy, visibility, ranges or RANGES, digits=4, crop=crop)


def load_joints(path: Path, axes: str) -> NDArray[np.float64]:
    """The array `joints`, 14 joints, three values and all images in the order that `axes` says, checked against it.

    Raises:
        UserError: not a MATLAB file, or the other data set's layout.
    """
    content = matfile.load(path)
    if "joints" not in content:
        raise UserError(f"{path}: no array 'joints'")
    with reading(path, "joints.mat"):
        joints: NDArray[np.float64] = content["joints"].astype(np.float64)
    wanted = {"(3, 14, N)": (3, 14), "(14, 3, N)": (14, 3)}[axes]
    if joints.ndim != 3 or joints.shape[:2] != wanted:
        hint = "; LSP is (3, 14, N), LSP Extended (14, 3, N)"
        raise UserError(f"{path}: joints have shape {joints.shape}, not {axes}{hint}")
    return joints


def pose_set(
    name: str,
    root: Path,
    split: str,
    path: Path,
    xy: NDArray[np.float64],
    visibility: NDArray[np.integer],
    ranges: Mapping[str, Sequence[int]],
    digits: int,
    crop: Crop,
) -> PoseSet:
    """One person per image, numbered from 1; `xy` (all, 14, 2) 0-based.

    Raises:
        UserError: no such split, or a range outside the images that are there.
    """
    if split not in ranges:
        raise UserError(f"{name} has no split '{split}'{nearest(split, ranges)} (data.reader.ranges)")
    first, last = ranges[split]
    if not 1 <= first <= last <= len(xy):
        raise UserError(
            f"{path}: split '{split}' is images {first} to {last}, but joints.mat holds {len(xy)}; "
            f"set data.reader.ranges.{split}"
        )
    numbers = np.arange(first, last + 1, dtype=np.int64)
    xy, visibility = xy[first - 1 : last], visibility[first - 1 : last]
    labelled = visibility > NOT_LABELLED
    folder = image_folder(root)
    images = tuple(f"{folder}im{number:0{digits}d}.jpg" for number in numbers)
    if crop == "image":
        region = whole_images(root, images)
    elif not isinstance(crop, str):
        middle, _ = boxes.center_size(whole_images(root, images))
        region = boxes.from_center(middle, np.full((len(images), 1), crop, dtype=np.float32))
    else:
        tight = boxes.from_keypoints(xy, labelled)
        region = boxes.padded(tight)
    torso = np.linalg.norm(xy[:, 9] - xy[:, 2], axis=1)
    torso[~(labelled[:, 9] & labelled[:, 2])] = np.nan
    return PoseSet(
        name=name,
        split=split,
        skeleton=LSP,
        root=root,
        images=images,
        image_ids=numbers,
        person_image=np.arange(len(numbers), dtype=np.int64),
        ids=numbers.copy(),
        keypoints=np.where(labelled[..., None], xy, 0).astype(np.float32),
        visibility=visibility.astype(np.uint8),
        boxes=region,
        annotations=path,
        extras={"torso": torso},
        marks_occlusion=name == "lsp",  # the extension says which joints are labelled, not which are visible
    )


def whole_images(root: Path, images: Sequence[str]) -> NDArray[np.float32]:
    """Boxes (N, 4) that hold the whole image each, from the file headers."""
    from posereg.data.samples.jpeg import image_size

    edges = [image_box(*image_size(root / name)) for name in images]
    return np.array(edges, dtype=np.float32).reshape(-1, 4)
