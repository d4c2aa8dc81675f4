"""Reads predictions of any origin: arrays of MPII and LSP poses, COCO results, and posereg's own files.

Arrays (`.h5`, `.mat`, `.npy`, `.npz`) hold one pose for each person of the annotation file, in its order: `preds`
of N x K x 2, a third column being the joint's score; the official layout K x 2 x N (`pos_pred_src`) and MATLAB
7.3's reversed axes are recognised by their sizes. Coordinates are taken in the frame of the official
annotations, which for MPII and LSP is MATLAB's: the centre of the first pixel is (1, 1). Files that count from
0 need `one_based=False`.
"""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.evaluation import oks
from posereg.files import reading
from posereg.records import predictions as own
from posereg.records.arrays import read_arrays
from posereg.records.coco_file import key_of
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions

KEYS = ("preds", "pred", "predictions", "pos_pred_src", "pos_pred", "keypoints")
SUFFIXES = (".h5", ".hdf5", ".mat", ".npy", ".npz", ".json")


def read(path: Path | str, poses: PoseSet, one_based: bool | None = None) -> Predictions:
    """Predictions for `poses` from any of the layouts above, in 0-based image pixels.

    Args:
        one_based: whether an array counts pixels from 1; None: as the data set's own annotations do, so yes for
            MPII and LSP, no for the others. Our own files and COCO results are always 0-based.

    Raises:
        UserError: unknown layout, wrong number of joints or people, images that the annotations do not have.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: no such predictions file")
    if path.suffix not in SUFFIXES:
        raise UserError(f"{path}: unknown predictions format '{path.suffix}'; valid: {', '.join(SUFFIXES)}")
    if path.suffix == ".json":
        return read_results(path, poses)
    if path.suffix == ".npz":
        arrays = _array_names(path)
        if {"ids", "image_ids", "keypoints", "meta"} <= arrays:
            return own.load(path)
        if (
            one_based is None
            and "keypoints" in arrays
            and arrays & {"ids", "image_ids", "meta", "keypoint_scores"}
        ):
            lacking = ", ".join(sorted({"ids", "image_ids", "meta"} - arrays))
            raise UserError(
                f"{path}: looks like a predictions file of posereg without {lacking}; say where its coordinates begin: "
                "one_based=false as posereg writes them, one_based=true as in MATLAB"
            )
    return read_array(path, poses, one_based)


def _array_names(path: Path) -> set[str]:
    with reading(path, "a NumPy archive"), np.load(path, allow_pickle=False) as file:
        return set(file.files)


def read_array(path: Path, poses: PoseSet, one_based: bool | None = None) -> Predictions:
    """One pose for each person in the order of `poses`; for LSP also of all images, rows by image number.

    Raises:
        UserError: no fitting array.
    """
    name, values = _preferred(path, read_arrays(path))
    rows = _people_first(values, len(poses.skeleton), len(poses))
    joints = len(poses.skeleton)
    if rows is None:
        raise UserError(
            f"{path}: '{name}' has shape {_shape(values)}, expected {len(poses)} people x {joints} joints x 2"
            f" for {poses.name} {poses.split}"
        )
    if len(rows) != len(poses):
        # The sets of one person an image are numbered by it: a file of all images holds a split's people too.
        numbered = poses.skeleton.name == "lsp" and len(rows) > len(poses) > 0
        if not numbered or poses.ids.min() < 1 or poses.ids.max() > len(rows):
            raise UserError(
                f"{path}: '{name}' holds {len(rows)} people, expected the {len(poses)} of {poses.name} {poses.split}"
            )
        rows = rows[poses.ids - 1]
    if one_based is None:
        # A data set of the user's own counts from 0, whatever its joints.
        one_based = poses.skeleton.name in ("mpii", "lsp") and "image_key" not in poses.extras
    scores = rows[..., 2] if rows.shape[2] == 3 else np.ones(rows.shape[:2])
    keypoints = (rows[..., :2] - float(one_based)).astype(np.float32)
    return Predictions(
        ids=poses.ids,
        image_ids=poses.image_ids[poses.person_image],
        keypoints=keypoints,
        keypoint_scores=scores.astype(np.float32),
        scores=scores.mean(axis=1).astype(np.float32),
        meta={"source": path.name, "one_based": one_based},
    )


def read_results(path: Path, poses: PoseSet) -> Predictions:
    """A COCO results file: poses with image ids, not tied to annotated people (id -1).

    Raises:
        UserError: not such a file, another joint set, or images that are not in the set.
    """
    keys = poses.extras.get("image_key")
    numbers = (
        None if keys is None else dict(zip(map(key_of, keys.tolist()), poses.image_ids.tolist(), strict=True))
    )
    every = oks.read_results(path, numbers)
    entries = oks.of_people(every, poses.category, path)
    others = len(every) - len(entries)
    joints = len(poses.skeleton)
    known = set(poses.image_ids.tolist())
    with reading(path, "a COCO results file"):
        for row, entry in enumerate(entries):
            if len(entry["keypoints"]) != 3 * joints:
                raise UserError(
                    f"{path}: result {row} has {len(entry['keypoints']) / 3:g} joints, expected {joints}"
                )
            if entry["image_id"] not in known:
                raise UserError(
                    f"{path}: result {row} is of image {entry['image_id']}, which {poses.name} {poses.split} "
                    "does not have"
                )
        keypoints = np.array([entry["keypoints"] for entry in entries], np.float32).reshape(-1, joints, 3)
        if poses.joint_order is not None:
            keypoints = keypoints[:, list(poses.joint_order)]
        image_ids = np.array([entry["image_id"] for entry in entries], np.int64)
        scores = np.array([entry["score"] for entry in entries], np.float32)
    return Predictions(
        ids=np.full(len(entries), -1, np.int64),
        image_ids=image_ids,
        keypoints=keypoints[..., :2],
        keypoint_scores=keypoints[..., 2],
        scores=scores,
        meta={"source": path.name, **({"results_of_other_categories": others} if others else {})},
    )


def _preferred(path: Path, arrays: dict[str, NDArray[Any]]) -> tuple[str, NDArray[np.float64]]:
    numeric = {k: v for k, v in arrays.items() if v.dtype.kind in "fiu"}
    named = [key for key in KEYS if key in numeric]
    name = named[0] if named else next(iter(numeric), None) if len(numeric) == 1 else None
    if name is None:
        raise UserError(f"{path}: no array 'preds'; the file has {', '.join(sorted(arrays)) or 'none'}")
    return name, numeric[name].astype(np.float64)


def _people_first(values: NDArray[np.float64], joints: int, people: int) -> NDArray[np.float64] | None:
    """The array as (N, K, 2 or 3), whatever the order of its axes; None if no order fits."""
    if values.ndim != 3:
        return None
    turned = [values.transpose(order) for order in permutations(range(3))]
    fitting = [array for array in turned if array.shape[1] == joints and array.shape[2] in (2, 3)]
    exact = [array for array in fitting if len(array) == people]
    return next(iter(exact or fitting), None)


def _shape(values: NDArray[Any]) -> str:
    return " x ".join(str(size) for size in values.shape)
