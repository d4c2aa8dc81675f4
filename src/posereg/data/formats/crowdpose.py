"""CrowdPose: COCO's format with 14 joints, no area and no segmentation; `images/<id>.jpg`, 0-based.

Files `crowdpose_{train,val,test}.json`; `trainval` is both where it has no file of its own.
Columns as COCO's, with `area` = 0.53 x box width x height
(the API's rule) and `image_crowd_index`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posereg.data.formats import coco_json
from posereg.data.formats.paths import annotation_file, image_folder, is_there
from posereg.data.formats.splits import together
from posereg.files import reading
from posereg.records.poses import PoseSet
from posereg.settings.ranges import Whole
from posereg.skeletons.skeleton import CROWDPOSE

AREA_SHARE = 0.53


def read(
    root: Path | str,
    split: str,
    annotations: Path | str | None = None,
    everyone: bool = False,
    min_keypoints: Whole = 1,
) -> PoseSet:
    """As `coco.read`. With `everyone` people without keypoints and crowd regions stay; there are no ignore masks."""
    root = Path(root)
    if split == "trainval" and annotations is None and not is_there(root, ("crowdpose_trainval.json",)):
        parts = [read(root, part, None, everyone, min_keypoints) for part in ("train", "val")]
        return together(split, parts)
    path = annotation_file(root, annotations, (f"crowdpose_{split}.json",))
    with reading(path, "a CrowdPose annotation file"):
        return _people(root, split, path, everyone, min_keypoints)


def _people(root: Path, split: str, path: Path, everyone: bool, min_keypoints: int) -> PoseSet:
    annotated = coco_json.load(path, CROWDPOSE)
    coco_json.locate(annotated, path, root, image_folder(root))
    if not everyone:
        annotated.keep(coco_json.kept(annotated, min_keypoints, {}))
    crowding = np.nan_to_num(annotated.crowding)
    area = np.zeros(len(annotated.ids))
    for some, bbox in annotated.bbox():
        area[some] = AREA_SHARE * bbox[:, 2] * bbox[:, 3]
    return coco_json.pose_set(
        "crowdpose",
        split,
        path,
        root,
        CROWDPOSE,
        annotated,
        annotated.keypoints(),
        coco_json.crops(annotated),
        {"area": area, "image_crowd_index": crowding},
    )
