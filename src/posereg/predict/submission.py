"""Files for the CHALL_H80K challenge: one CSV per image, 17 lines x,y,z in mm, relative to the pelvis."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posereg.errors import UserError
from posereg.evaluation.align import align
from posereg.files import whole_folder
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions

JOINTS = 17


def write_submission(poses: PoseSet, predictions: Predictions, out: Path | str) -> int:
    """Write `<out>/<image name>.csv` for every person of the set, two decimals; all files or none.

    Returns:
        the number of files.

    Raises:
        UserError: frames without a finite prediction, poses that are not 3D, `out` exists, or the disk is full.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out}: there is something already; give a new folder with out=")
    points = align(poses, predictions, dimensions=3).keypoints[:, :JOINTS]
    lost = ~np.isfinite(points).all(axis=(1, 2))
    if lost.any():
        raise UserError(
            f"{int(lost.sum())} of {len(poses)} frames have no prediction (first: {poses.ids[lost][0]})"
        )
    with whole_folder(out) as partial:
        for row, pose in enumerate(points - points[:, :1]):
            name = Path(poses.images[int(poses.person_image[row])]).stem
            # + 0.0 turns a rounded -0.00 into 0.00.
            np.savetxt(partial / f"{name}.csv", np.round(pose, 2) + 0.0, fmt="%.2f", delimiter=",")
    return len(poses)
