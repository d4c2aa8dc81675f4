"""COCO keypoints: `annotations/person_keypoints_<split>.json`, images in `<split>/` (or `images/`); 0-based.

Columns: `area` (segment, square pixels), `iscrowd`, `num_keypoints`, `bbox` (x y width height as published),
`image_size` (width, height), and with `everyone` also `image_ignore`, run-length masks (bytes) of each image's
crowd regions and people without keypoints, which bottom-up training leaves out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats import coco_json, segments
from posereg.data.formats.coco_json import Annotated
from posereg.data.formats.paths import annotation_file, image_folder, is_there
from posereg.data.formats.splits import together
from posereg.files import reading
from posereg.records.poses import PoseSet
from posereg.settings.ranges import Whole
from posereg.skeletons.skeleton import COCO

Json = dict[str, Any]
NO_SEGMENT = (
    "people and crowd regions whose segmentation is none (bottom-up training sees them as background)"
)
ALIASES = {"train": "train2017", "val": "val2017", "valid": "val2017", "trainval": "trainval2017"}


def read(
    root: Path | str,
    split: str,
    annotations: Path | str | None = None,
    everyone: bool = False,
    min_keypoints: Whole = 1,
) -> PoseSet:
    """The people of one split, for crops: no crowd regions, no people with fewer than `min_keypoints`, no empty
    boxes (simple baselines). Boxes are clipped to the image and padded x1.25.

    Args:
        split: `train2017`, `val2017` (or `train`, `val`), `trainval2017` (both), or another name with its
            own file and folder.
        everyone: keep crowd regions and unlabelled people too, and give the ignore masks.

    Raises:
        UserError: the file is missing or of another format.
    """
    root = Path(root)
    split = ALIASES.get(split, split)
    if (
        split == "trainval2017"
        and annotations is None
        and not is_there(root, (f"person_keypoints_{split}.json",))
    ):
        parts = [read(root, part, None, everyone, min_keypoints) for part in ("train2017", "val2017")]
        return together(split, parts)
    candidates = (f"person_keypoints_{split}.json", f"image_info_{split}.json")
    path = annotation_file(root, annotations, candidates)
    with reading(path, "a COCO annotation file"):
        return _people(root, split, path, everyone, min_keypoints)


def _people(root: Path, split: str, path: Path, everyone: bool, min_keypoints: int) -> PoseSet:
    annotated = coco_json.load(path, COCO, outlines=everyone)
    coco_json.locate(
        annotated, path, root, image_folder(root, split, split.replace("test-dev", "test"), "images")
    )
    extras: dict[str, NDArray[Any]] = {}
    if everyone:
        extras["image_ignore"] = ignore_masks(annotated)
    else:
        annotated.keep(
            coco_json.kept(annotated, min_keypoints, {"people whose area is 0": annotated.area <= 0})
        )
    without = np.isnan(annotated.area) & ~annotated.crowd & (annotated.visibility > 0).any(axis=1)
    if without.any():
        annotated.left_out["people without an area (trained on; OKS cannot be computed)"] = annotated.named(
            without
        )
    return coco_json.pose_set(
        "coco",
        split,
        path,
        root,
        COCO,
        annotated,
        annotated.keypoints(),
        coco_json.crops(annotated),
        {"area": annotated.area, **extras},
    )


def ignore_masks(annotated: Annotated) -> NDArray[np.object_]:
    """(I,): for each image the run-length code (bytes) of what training should not see, empty where there is nothing.

    As compressed bytes the masks of all of COCO are a few megabytes; `bottomup` decodes one when it needs it. People
    whose segmentation is none are counted in `annotated.left_out`.
    """
    from pycocotools import mask

    masks: list[list[Json]] = [[] for _ in annotated.image_ids]
    odd = annotated.crowd | ~annotated.visibility.any(axis=1)
    for row, outline in annotated.columns.outlines():
        person = int(np.searchsorted(annotated.rows, row))
        if person == len(odd) or annotated.rows[person] != row or not odd[person]:
            continue
        image = annotated.person_image[person]
        width, height = annotated.image_size[image].tolist()
        sound, codes = segments.codes(json.loads(outline), height, width)
        masks[image].extend(codes)
        odd[person] = not sound
    if odd.any():
        annotated.left_out[NO_SEGMENT] = annotated.named(odd)
    merged = np.empty(len(masks), dtype=object)
    merged[:] = [mask.merge(codes)["counts"] if codes else b"" for codes in masks]
    return merged
