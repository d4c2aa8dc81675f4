"""A data set of the user's, as one YAML file describes it (settings/own_data.py): the annotations and their splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from glob import has_magic as magic
from pathlib import Path
from typing import Any

import numpy as np

from posereg.data.formats import own_coco, own_csv, own_images, own_slp, own_yolo
from posereg.data.samples import frames
from posereg.errors import UserError
from posereg.records import coco_columns
from posereg.records.poses import DEEP, PoseSet
from posereg.skeletons.skeleton import SkeletonName
from posereg.skeletons.skeleton import skeleton as skeleton_of


def read(
    root: Path | str,
    split: str,
    annotations: Path | str | None = None,
    *,
    name: str,
    skeleton: SkeletonName,
    source: Mapping[str, Any],
) -> PoseSet:
    """The people of one split; `left_out` says what of the annotations is not among them.

    Columns: `bbox` (x y width height as annotated), `area` (as annotated, else NaN), `image_size` (as declared, 0
    where it is not), `image_key` (the file's own ids of its images: numbers, or texts).

    Args:
        annotations: takes the place of `source.annotations`.
        source: as docs/own_data.md says: format, annotations, images, category, splits, seed, confidence,
            levels.

    Raises:
        UserError: annotations that cannot be used, or no such split.
    """
    root, joints = Path(root), skeleton_of(skeleton)
    files = annotations or source["annotations"]
    kind, splits = source.get("format", "coco-json"), source.get("splits")
    if kind == "yolo-pose":
        if splits:
            raise UserError(f"data.{name}: source.splits: YOLO's data.yaml has the splits; leave the key out")
    elif isinstance(files, Mapping):
        if split not in files:
            raise UserError(f"data.{name}: no split '{split}'; source.annotations has {', '.join(files)}")
        files, splits = files[split], None
    elif not splits:
        raise UserError(
            f"data.{name}: source.splits is missing: shares ({{train: 0.8, val: 0.2}}) or lists of images"
        )
    if splits is not None and (not isinstance(splits, Mapping) or split not in splits):
        raise UserError(f"data.{name}: no split '{split}'; source.splits has {', '.join(splits)}")

    def chosen(images: Sequence[str]) -> Sequence[int]:
        if splits is None:
            return range(len(images))
        return divided(images, root, splits, int(source.get("seed", 0)))[split]

    if kind == "yolo-pose":
        path = root / files
        content, more = own_yolo.load(path, root, split, joints)
        columns = coco_columns.of(content, path)
    elif kind == "dlc-csv":
        path, *more = _tables(root, str(files))
        tables = [own_csv.load(one, source.get("confidence")) for one in (path, *more)]
        columns = coco_columns.of(own_csv.together(tables, path), path)
    elif kind == "sleap":
        path, more = root / files, []
        columns = coco_columns.of(own_slp.load(path), path)
    else:
        path, more = root / files, []
        columns = own_coco.load(path)
    poses = own_coco.pose_set(columns, path, root, name, split, joints, source, chosen)
    # Results of other programs go by the categories of COCO's form alone: the other forms number none.
    poses = replace(
        poses, more_annotations=tuple(more), category=poses.category if kind == "coco-json" else None
    )
    if (levels := source.get("levels")) is not None:
        return replace(poses, levels=(float(levels[0]), float(levels[1])))
    deep = own_images.deep_pictures(root, poses.images)
    return replace(poses, left_out={**poses.left_out, DEEP: tuple(deep)}) if deep else poses


def _tables(root: Path, files: str) -> list[Path]:
    """One file, or those that a pattern names (`labeled-data/*/CollectedData_me.csv`)."""
    if not magic(files):
        return [root / files]
    found = sorted(root.glob(files))
    if not found:
        raise UserError(f"source.annotations: no file {root / files}")
    return found


def divided(images: Sequence[str], root: Path, splits: Mapping[str, Any], seed: int) -> dict[str, list[int]]:
    """Rows of the images of each split: by shares drawn with the seed, or by lists of their names; a video's
    name stands for all its frames.

    All people of an image fall into one split, and what is drawn depends on the images' names, not on their order.

    Raises:
        UserError: shares that are no shares, an image that is not there, or one that lies in two splits.
    """
    if all(isinstance(share, int | float) and not isinstance(share, bool) for share in splits.values()):
        return _shares(images, splits, seed)
    place: dict[str, list[int]] = {}  # several rows of a picture that is listed under several ids
    for row, image in enumerate(images):
        place.setdefault(image, []).append(row)
    short: dict[str, list[str]] = {}
    videos: dict[str, list[int]] = {}
    for image, rows in place.items():
        short.setdefault(Path(image).name, []).append(image)
        if (frame := frames.named(image)) is not None:
            for video in {frame.video, Path(frame.video).name}:
                videos.setdefault(video, []).extend(rows)
    found: dict[str, list[int]] = {}
    owner: dict[int, str] = {}
    for split, listed in splits.items():
        names = listed if isinstance(listed, list) else _lines(root / str(listed), split)
        rows = []
        for name in names:
            fits = [name] if name in place else short.get(Path(str(name)).name, [])
            of_video = videos.get(str(name), [])
            if len(fits) != 1 and not of_video:
                why = "is several images" if fits else "is no image of the annotations"
                raise UserError(f"source.splits.{split}: '{name}' {why}")
            meant = of_video or place[fits[0]]
            for row in meant:
                if owner.setdefault(row, split) != split:
                    raise UserError(f"source.splits: '{name}' is in {owner[row]} and in {split}")
            rows += meant
        found[split] = sorted(set(rows))
    return found


def _shares(images: Sequence[str], splits: Mapping[str, Any], seed: int) -> dict[str, list[int]]:
    total = sum(splits.values())
    if min(splits.values()) < 0 or not 0 < total <= 1 + 1e-9:
        raise UserError(f"source.splits: shares must be from 0 to 1 and add up to at most 1, not {total:g}")
    names, which = np.unique(np.array(images, object), return_inverse=True)
    place = np.empty(len(names), np.int64)  # of each picture among those drawn
    place[np.random.default_rng(seed).permutation(len(names))] = np.arange(len(names))
    ends = np.round(np.cumsum(list(splits.values())) * len(names)).astype(int).tolist()
    drawn = place[which]
    return {
        split: np.flatnonzero((drawn >= low) & (drawn < high)).tolist()
        for split, low, high in zip(splits, [0, *ends[:-1]], ends, strict=True)
    }


def _lines(path: Path, split: str) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"source.splits.{split}: {path}: no list of images that can be read") from error
