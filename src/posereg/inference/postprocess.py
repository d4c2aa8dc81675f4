"""Post-processing of top-down predictions before COCO scoring: pose scores, then suppression of duplicates.

The integral paper, section 6.2, follows G-RMI (Papandreou et al. 2017) without numbers; the score and the
threshold are those of the simple baselines (docs/papers/integral.md#coco).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError, nearest
from posereg.inference.nms import oks_nms, soft_oks_nms
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.settings.ranges import Count, Share

Suppression = Literal["oks", "soft_oks", "none"]


def topdown(
    poses: PoseSet,
    predictions: Predictions,
    nms: Suppression = "oks",
    nms_threshold: Share = 0.9,
    keypoint_threshold: Share = 0.2,
    max_poses: Count = 20,
) -> Predictions:
    """Rescore the poses, drop duplicates of an image.

    Args:
        poses: the boxes that were predicted from; column `box_score` where a detector gave them, else 1.
        nms: `oks` drops the lower of two poses whose OKS exceeds `nms_threshold`; `soft_oks` lowers scores by
            exp(-OKS^2 / nms_threshold) and keeps the best `max_poses` of an image; `none`. OKS is taken with the mean
            area of the two padded boxes.
        keypoint_threshold: a pose's score is that of its box times the mean of its keypoint scores above this value; 0
            without any.

    Returns:
        the poses that remain, in their order; ids of a detector's boxes become -1; `meta` says what was done.

    Raises:
        UserError: an unknown suppression, or predictions that are not of these boxes.
    """
    if nms not in get_args(Suppression):
        raise UserError(f"data.postprocess.nms: unknown '{nms}'{nearest(nms, get_args(Suppression))}")
    _, first = np.unique(predictions.ids, return_index=True)  # a sharded sampler repeats a few
    kept = predictions.rows(np.sort(first))
    rows = _rows(poses, kept.ids)
    box_score = poses.extras.get("box_score", np.ones(len(poses)))[rows].astype(np.float64)
    scores = box_score * mean_above(kept.keypoint_scores, keypoint_threshold)
    suppression = "none"
    if nms != "none":
        size = (poses.boxes[:, 2:] - poses.boxes[:, :2])[rows]
        if poses.skeleton.sigmas is None:
            raise UserError(f"data.postprocess: the joints of {poses.skeleton.name} have no OKS")
        together = (
            kept.keypoints[..., :2], scores, size.prod(axis=1), kept.image_ids, poses.skeleton.sigmas, nms_threshold,
        )  # fmt: skip
        if nms == "oks":
            keep = oks_nms(*together)
        else:
            keep, scores = soft_oks_nms(*together, max_poses)
        kept, scores = kept.rows(keep), scores[keep]
        suppression = f"{nms} {nms_threshold:g}"
    return replace(
        kept,
        ids=np.where(kept.ids < 0, -1, kept.ids),
        scores=scores.astype(np.float32),
        meta={
            **kept.meta,
            "pose_score": f"box x mean of keypoint scores above {keypoint_threshold:g}",
            "nms": suppression,
        },
    )


def mean_above(scores: NDArray[np.floating], threshold: float) -> NDArray[np.float64]:
    """Mean (N,) of the scores (N, K) above the threshold; 0 where none is."""
    counted = scores > threshold
    total = np.where(counted, scores, 0).sum(axis=1, dtype=np.float64)
    return np.asarray(total / np.maximum(counted.sum(axis=1), 1))


def _rows(poses: PoseSet, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row of each id in the set."""
    order = np.argsort(poses.ids, kind="stable")
    place = np.minimum(np.searchsorted(poses.ids, ids, sorter=order), len(poses) - 1)
    rows = np.asarray(order[place], np.int64)
    if not np.array_equal(poses.ids[rows], ids):
        raise UserError(f"the predictions are not of the boxes of {poses.name} {poses.split}")
    return rows
