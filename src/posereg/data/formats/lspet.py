"""Leeds Sports Pose Extended: 10,000 images, `joints.mat` 14 x 3 x 10000 (x, y, 1 = labelled). Labels are noisy.

Layout: `<root>/images/im00001.jpg`, `<root>/joints.mat`. Unlabelled joints carry coordinates at or below
zero. Mind the flag: in LSP the third number is 1 where the joint is occluded, here where it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from posereg.data.formats.lsp import Crop, load_joints, pose_set
from posereg.data.formats.paths import annotation_file
from posereg.records.poses import NOT_LABELLED, VISIBLE, PoseSet
from posereg.settings.ranges import Range

RANGES = {"train": (1, 9000), "val": (9001, 10000), "all": (1, 10000)}


def read(
    root: Path | str,
    split: str,
    annotations: Path | str | None = None,
    ranges: Mapping[str, Range] | None = None,
    crop: Crop = "joints",
) -> PoseSet:
    """As `lsp.read`. The data set has no split of its own; `ranges` names one (default: the last 1,000 validate)."""
    path = annotation_file(Path(root), annotations, ("joints.mat",))
    joints = load_joints(path, axes="(14, 3, N)").transpose(2, 0, 1)
    visibility = np.where(joints[..., 2] > 0.5, VISIBLE, NOT_LABELLED)
    xy = joints[..., :2] - 1
    return pose_set("lspet", Path(root), split, path, xy, visibility, ranges or RANGES, digits=5, crop=crop)
