"""PoseSets for the evaluation tests: from the published MPII arrays, and small ones by hand."""

from pathlib import Path

import numpy as np
import scipy.io

from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import MPII, Skeleton


def pose_set(
    skeleton: Skeleton, keypoints, annotations: Path, *, visibility=None, images=None, extras=None, name="set"
) -> PoseSet:
    """People (N, K, 2); `images` is the image of each person (by default one image each)."""
    keypoints = np.asarray(keypoints, np.float32)
    people = len(keypoints)
    images = np.arange(people) if images is None else np.asarray(images)
    names = tuple(f"im{i + 1:04d}.jpg" for i in range(int(images.max()) + 1 if people else 0))
    return PoseSet(
        name=name,
        split="val",
        skeleton=skeleton,
        root=annotations.parent,
        images=names,
        image_ids=np.arange(len(names)) + 1,
        person_image=images.astype(np.int64),
        ids=np.arange(people) + 100,
        keypoints=keypoints,
        visibility=np.full(keypoints.shape[:2], 2, np.uint8)
        if visibility is None
        else np.asarray(visibility, np.uint8),
        boxes=np.zeros((people, 4), np.float32),
        annotations=annotations,
        extras=extras or {},
    )


def predict(poses: PoseSet, keypoints, scores=None) -> Predictions:
    keypoints = np.asarray(keypoints, np.float32)
    return Predictions(
        ids=poses.ids,
        image_ids=poses.image_ids[poses.person_image],
        keypoints=keypoints,
        keypoint_scores=np.ones(keypoints.shape[:2], np.float32),
        scores=np.ones(len(poses), np.float32) if scores is None else np.asarray(scores, np.float32),
    )


def mpii_validation(path: Path) -> PoseSet:
    """The 2,958 validation people of `detections_our_format.mat`; 1-based there, 0-based here."""
    file = scipy.io.loadmat(path)
    corners = file["headboxes_src"]
    return pose_set(
        MPII,
        file["pos_gt_src"].transpose(2, 0, 1) - 1,
        path,
        visibility=2 * (file["jnt_missing"].T == 0),
        extras={"head_size": 0.6 * np.linalg.norm(corners[1] - corners[0], axis=0)},
        name="mpii",
    )
