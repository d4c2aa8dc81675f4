"""A YOLO-pose folder as COCO-style content: data.yaml, pictures in images/, a text file for each in labels/.

A line of a label file is `class x y width height` (of the box, about its middle) and `x y` or `x y visibility` of every
joint, in shares of the picture's width and height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posereg.data.samples import jpeg
from posereg.errors import UserError
from posereg.files import read_text, read_yaml
from posereg.skeletons.skeleton import Skeleton

Json = dict[str, Any]
SPLITS = ("train", "val", "test")
ALL = "all"  # of its splits, where none is called so
UNKNOWN = (math.nan, math.nan)  # of a picture that is not there: its people have no place
IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


def load(path: Path, root: Path, split: str, skeleton: Skeleton) -> tuple[Json, list[Path]]:
    """The pictures of a split as COCO-style content, and the label files.

    Joints are named by `kpt_names` of data.yaml; without it they are the skeleton's, in its order.

    Args:
        path: data.yaml. Its `path` counts from its own folder, if it is there; else that folder is meant.
        root: which image paths are relative to.

    Raises:
        UserError: another file, no such split, a label line that is none, or a picture that EXIF turns, whose shares
            other programs count on the turned picture.
    """
    described = read_yaml(path, "YOLO's data.yaml")
    shape = described.get("kpt_shape")
    if (
        not isinstance(shape, list)
        or len(shape) != 2
        or shape[1] not in (2, 3)
        or not isinstance(shape[0], int)
    ):
        raise UserError(f"{path}: kpt_shape: must be [joints, 2] or [joints, 3]")
    if split == ALL and not described.get(split):
        given = [described[name] for name in SPLITS if described.get(name)]
        described[ALL] = [place for one in given for place in (one if isinstance(one, list) else [one])]
    if not described.get(split):
        known = [name for name in SPLITS if described.get(name)]
        raise UserError(f"{path}: no split '{split}'; it has {', '.join(known)}")
    folder = path.parent / str(described.get("path") or "")
    folder = folder if folder.is_dir() else path.parent
    files = _images(folder, described[split], path)
    names = described.get("names") or {}
    names = dict(enumerate(names)) if isinstance(names, list) else names
    joints = _joints(described, shape[0], skeleton, path)
    images, annotations, labels = [], [], []
    owner: dict[Path, Path] = {}
    for file in files:
        size = jpeg.header_size(file)
        if size and jpeg.orientation(file) > 1:
            raise UserError(f"{file}: EXIF turns it; save it as it is to be seen, with its labels")
        if not file.is_relative_to(root):
            raise UserError(f"{file}: lies outside {root}; set source.root to a folder above both")
        name = file.relative_to(root).as_posix()
        images.append(
            {"id": name, "file_name": name, **dict(zip(("width", "height"), size or (), strict=False))}
        )
        label = _label_of(file)
        if not label.is_file():
            continue
        if (other := owner.setdefault(label, file)) != file:
            raise UserError(f"{label}: is of two pictures, {other.name} and {file.name}; rename one of them")
        labels.append(label)
        for number, line in enumerate(read_text(label, "a YOLO label file").splitlines(), 1):
            if line.strip():
                values = _numbers(line, 5 + shape[0] * shape[1], f"{label}, line {number}")
                if values[0] not in names:
                    raise UserError(
                        f"{label}, line {number}: class {values[0]:g} is none of {path.name}'s names ({len(names)})"
                    )
                annotations.append(_person(f"{name}, line {number}", name, values, size or UNKNOWN, shape[1]))
    for label in _without_picture(folder, described[split], {_label_of(file) for file in files}):
        # The reader counts people on an image that is not listed.
        category = read_text(label, "a YOLO label file").partition(" ")[0]
        ghost = label.relative_to(root).as_posix() if label.is_relative_to(root) else str(label)
        annotations.append({"id": ghost, "image_id": ghost, "category_id": category})
    categories = [{"id": int(k), "name": str(v), "keypoints": joints} for k, v in names.items()]
    return {"images": images, "annotations": annotations, "categories": categories}, labels


def _without_picture(folder: Path, given: Any, known: set[Path]) -> list[Path]:
    """Files of labels, of the folders of pictures among those given, that belong to none of the pictures."""
    found: list[Path] = []
    for place in given if isinstance(given, list) else [given]:
        pictures = folder / str(place)
        labels = _label_of(pictures / "a.jpg").parent
        if pictures.is_dir() and labels != pictures:
            found += sorted(file for file in labels.rglob("*.txt") if file.name != "classes.txt")
    return [label for label in found if label not in known and label.stat().st_size]


def _joints(described: Json, count: int, skeleton: Skeleton, path: Path) -> list[str]:
    named = described.get("kpt_names")
    if isinstance(named, dict):
        named = next(iter(named.values()), None)
    if named is None and count == len(skeleton):
        return list(skeleton.joints)
    if not isinstance(named, list) or len(named) != count:
        raise UserError(
            f"{path}: has {count} joints, the skeleton {len(skeleton)}; name them in kpt_names: "
            f"[{skeleton.joints[0]}, ...]"
        )
    return [str(name) for name in named]


def _images(folder: Path, given: Any, path: Path) -> list[Path]:
    """Pictures of folders, or of text files that list them."""
    found: list[Path] = []
    for place in given if isinstance(given, list) else [given]:
        where = folder / str(place)
        if where.is_dir():
            found += sorted(file for file in where.rglob("*") if file.suffix.lower() in IMAGES)
        elif where.suffix == ".txt" and where.is_file():
            lines = read_text(where, "a list of images").splitlines()
            found += [where.parent / line.strip() for line in lines if line.strip()]
        else:
            raise UserError(f"{path}: {where}: no folder of images and no list of them")
    if not found:
        raise UserError(f"{path}: no images in {folder / str(given)}")
    return found


def _label_of(image: Path) -> Path:
    """labels/train/a.txt of images/train/a.png: the last folder called images becomes labels."""
    parts = list(image.parts)
    places = [k for k, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def _numbers(line: str, count: int, where: str) -> list[float]:
    try:
        values = [float(word) for word in line.split()]
    except ValueError:
        raise UserError(f"{where}: not all of it are numbers") from None
    if len(values) != count:
        raise UserError(f"{where}: {len(values)} numbers, kpt_shape asks for {count}")
    return values


def _person(
    who: str, image: str, values: Sequence[float], size: tuple[float, float], dimensions: int
) -> Json:
    x, y, width, height = (share * side for share, side in zip(values[1:5], (*size, *size), strict=True))
    points = np.reshape(values[5:], (-1, dimensions))
    places = points[:, :2] * size
    # Two numbers a joint: what is not labelled stands at 0 0, or below.
    flags = points[:, 2] if dimensions == 3 else np.where((points > 0).any(1) & (points >= 0).all(1), 2, 0)
    return {
        "id": who,
        "image_id": image,
        "category_id": int(values[0]),
        "bbox": [x - width / 2, y - height / 2, width, height],
        "keypoints": np.column_stack([places, flags]).ravel().tolist(),
    }
