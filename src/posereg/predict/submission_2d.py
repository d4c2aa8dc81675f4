"""Submission files for the MPII and COCO test servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats import matfile, mpii_mat
from posereg.errors import UserError
from posereg.evaluation import oks
from posereg.evaluation.align import align
from posereg.files import whole_file
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions

MPII_FILE = "pred_keypoints_mpii.mat"


def write_mpii(poses: PoseSet, predictions: Predictions, out: Path) -> int:
    """`<out>/pred_keypoints_mpii.mat` as the official toolkit reads it.

    `pred` holds all test images in the official order, with everything the annotations say of them; the people of the
    single-person lists have `annopoints.point` with x, y (1-based) and id (0-based), all others have none.

    Returns:
        how many people were written.

    Raises:
        UserError: people that were not read from the official file, or a person without a prediction.
    """
    path = poses.annotations
    if path.suffix != ".mat" or not mpii_mat.is_official(path):
        raise UserError(
            f"{path}: the MPII submission needs the official mpii_human_pose_v1_u12_1.mat (data.annotations)"
        )
    keypoints = align(poses, predictions).keypoints
    if np.isnan(keypoints).any():
        lacking = int(np.isnan(keypoints).any(axis=(1, 2)).sum())
        raise UserError(f"{lacking} of the {len(poses)} people have no whole prediction")
    release = matfile.load(path, variable_names="RELEASE")["RELEASE"][0, 0]
    test = np.flatnonzero(release["img_train"].ravel() == 0)
    place = {int(image): k for k, image in enumerate(test)}
    pred = release["annolist"][:, test].copy()
    poses_of: dict[int, dict[int, NDArray[np.float64]]] = {}
    for row, (image, rect) in enumerate(zip(poses.extras["annolist"], poses.extras["annorect"], strict=True)):
        if int(image) not in place:
            raise UserError(f"{path}: person {poses.ids[row]} is on image {image}, which is not a test image")
        poses_of.setdefault(int(image), {})[int(rect)] = keypoints[row] + 1
    for image, k in place.items():
        pred[0, k]["annorect"] = _with_points(pred[0, k]["annorect"], poses_of.get(image, {}))
    from scipy.io import savemat

    with whole_file(out / MPII_FILE) as temporary:
        savemat(temporary, {"pred": pred}, do_compression=True, oned_as="row")
    return len(poses)


def write_coco(poses: PoseSet, predictions: Predictions, out: Path) -> int:
    """`<out>/person_keypoints_<split>_posereg_results.json` for the COCO server; coordinates to a hundredth.

    Returns:
        how many poses were written.
    """
    poses_of_people = oks.results(predictions)
    for pose in poses_of_people:
        pose["keypoints"] = [round(value, 2) for value in pose["keypoints"]]
    with whole_file(out / f"person_keypoints_{poses.split}_posereg_results.json") as temporary:
        temporary.write_text(json.dumps(poses_of_people, separators=(",", ":")), encoding="utf-8")
    return len(poses_of_people)


def _with_points(rects: NDArray[Any], keypoints: dict[int, NDArray[np.float64]]) -> NDArray[Any]:
    """The rectangles (1, R) of an image with a field `annopoints`, empty for people that were not predicted."""
    if rects.dtype.names is None:  # an image without people
        return rects
    names = list(dict.fromkeys([*rects.dtype.names, "annopoints"]))
    filled = np.empty(rects.shape, dtype=[(name, object) for name in names])
    for k in range(rects.size):
        for name in rects.dtype.names:
            filled.flat[k][name] = rects.flat[k][name]
        filled.flat[k]["annopoints"] = _points(keypoints[k]) if k in keypoints else np.zeros((0, 0))
    return filled


def _points(keypoints: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    points = np.empty((1, len(keypoints)), dtype=[("x", object), ("y", object), ("id", object)])
    for joint, (x, y) in enumerate(keypoints.tolist()):
        points[0, joint] = (x, y, float(joint))
    return {"point": points}
