"""Poses of people in any images, with any trained model."""

from __future__ import annotations

import glob as globbing
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from posereg.data.modules.base import collate
from posereg.data.samples.jpeg import image_size
from posereg.errors import UserError
from posereg.files import read_json, reading
from posereg.geometry.boxes import PADDING, fix_aspect
from posereg.geometry.pixels import half_pixel, image_box
from posereg.methods.base import PoseModule
from posereg.records.coco_columns import FARTHEST
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions, concatenate, nobody
from posereg.skeletons.skeleton import Skeleton
from posereg.terminal.progress import tracked

IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


def find_images(source: str) -> list[Path]:
    """Images of a file, a folder (not below it) or a glob, sorted.

    Raises:
        UserError: nothing there.
    """
    path = Path(source)
    paths = [path] if path.is_file() else sorted(path.iterdir()) if path.is_dir() else []
    paths = paths or sorted(Path(p) for p in globbing.glob(source, recursive=True))
    images = [p for p in paths if p.suffix.lower() in IMAGES]
    if not images:
        raise UserError(
            f"source: no image at {source} (a file, a folder or a glob; {', '.join(sorted(IMAGES))})"
        )
    return images


def read_boxes(path: Path | str) -> dict[str, list[list[float]]]:
    """Boxes by image file name from JSON: a list of {"image": name, "bbox": [x, y, width, height]}.

    `file_name` also works for `image`. Further keys (score, category_id) are ignored.

    Raises:
        UserError: another layout, naming the entry.
    """
    entries = read_json(path)
    boxes: dict[str, list[list[float]]] = {}
    if not isinstance(entries, list):
        raise UserError(f'{path}: not a list of {{"image": name, "bbox": [x, y, width, height]}}')
    for k, entry in enumerate(entries):
        with reading(path, f"a list of boxes (entry {k})"):
            name = entry.get("image", entry.get("file_name")) if isinstance(entry, Mapping) else None
            box = entry.get("bbox") if isinstance(entry, Mapping) else None
            if (
                not isinstance(name, str)
                or not isinstance(box, list)
                or len(box) != 4
                or not all(abs(float(value)) < FARTHEST for value in box)
                or not min(map(float, box[2:])) > 0
            ):
                raise UserError(
                    f'{path}: entry {k} needs "image" and "bbox": [x, y, width, height] with a positive size'
                )
            x, y, width, height = map(float, box)
            left, top = x - half_pixel(), y - half_pixel()
            boxes.setdefault(PureWindowsPath(name).name, []).append([left, top, left + width, top + height])
    return boxes


def one_a_name(images: Iterable[str], boxes: Mapping[str, object], where: str = "boxes") -> None:
    """
    Raises:
        UserError: two images have one file name that `boxes`, by file name, has: one's box would be used on the other.
    """
    named = Counter(name for image in images if (name := PurePath(image).name) in boxes)
    if named and (most := named.most_common(1)[0])[1] > 1:
        raise UserError(f"{where} gives boxes by file name, and {most[1]} of the images are called {most[0]}")


def people_of(
    images: Sequence[Path], boxes: Mapping[str, list[list[float]]] | None, skeleton: Skeleton, aspect: float
) -> PoseSet:
    """A PoseSet without labels: the given boxes x 1.25, or each whole image as one box.

    Its column `bbox` (N, 4) holds the boxes as they were given: x, y, width, height in pixels.

    Raises:
        UserError: none of the images is named in the boxes, or two of them have one name.
    """
    one_a_name(map(str, images), boxes or {})
    rows: list[tuple[int, list[float]]] = []
    for k, image in enumerate(images):
        if boxes is None:
            width, height = image_size(image)
            rows.append((k, list(image_box(width, height))))
        else:
            rows += [(k, box) for box in boxes.get(image.name, [])]
    if not rows:
        raise UserError(f"boxes: none of the {len(images)} images is named in the boxes file")
    padding = 1.0 if boxes is None else PADDING
    corners = np.array([box for _, box in rows])
    people = unlabelled(
        fix_aspect(corners.astype(np.float32), aspect, padding),
        skeleton,
        tuple(str(p) for p in images),
        np.array([k for k, _ in rows]),
    )
    given = np.concatenate([corners[:, :2] + half_pixel(), corners[:, 2:] - corners[:, :2]], axis=1)
    return replace(people, extras={"bbox": given})


def unlabelled(
    boxes: NDArray[np.float32],
    skeleton: Skeleton,
    images: tuple[str, ...],
    person_image: NDArray[np.int64],
) -> PoseSet:
    """People of whom nothing is known but their boxes (N, 4) and which of the images each is on."""
    count, joints = len(boxes), len(skeleton)
    return PoseSet(
        name="pictures",
        split="all",
        skeleton=skeleton,
        root=Path("."),
        images=images,
        image_ids=np.arange(len(images)),
        person_image=person_image,
        ids=np.arange(count),
        keypoints=np.zeros((count, joints, 2), np.float32),
        visibility=np.zeros((count, joints), np.uint8),
        boxes=boxes,
        annotations=Path("."),
    )


def predict(module: PoseModule, poses: PoseSet, batch_size: int = 32, device: str = "auto") -> Predictions:
    """Poses of all people of a set, or of everybody that the method finds on its images, in image pixels.

    Args:
        batch_size: people at a time. Whole images, which differ in size, are looked at one by one.

    Raises:
        UserError: an image that is missing or cannot be decoded.
    """
    where = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    module.to(where).eval()
    samples = module.samples(poses)
    size = 1 if module.finds_people else batch_size
    parts = [nobody(len(module.skeleton))] if module.finds_people else []
    with torch.inference_mode():
        chunks = [range(start, min(start + size, len(samples))) for start in range(0, len(samples), size)]
        for rows in tracked(chunks, len(chunks), "images" if module.finds_people else "people"):
            batch: dict[str, Any] = collate([samples[row] for row in rows])
            samples.check()
            batch = {name: value.to(where) for name, value in batch.items()}
            parts.append(module.predict_batch(batch, poses))
    return replace(concatenate(parts), meta={"checkpoint_config": module.plain_config.get("row", "")})
