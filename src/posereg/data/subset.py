"""Parts of a PoseSet that `PoseSet.people` does not cover: fewer images, whole images at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posereg.data.poses import PoseSet


def keep_images(poses: PoseSet, keep: NDArray[np.bool_]) -> PoseSet:
    """Only the images of the mask (M,) and the people on them; other images are no longer part of the set."""
    if keep.all():
        return poses
    kept = poses.people(keep[poses.person_image])
    place = np.cumsum(keep) - 1
    images = np.flatnonzero(keep)
    return replace(
        kept,
        images=tuple(poses.images[k] for k in images),
        image_ids=poses.image_ids[images],
        person_image=place[kept.person_image],
        extras={
            name: column[images] if name.startswith("image_") else column
            for name, column in kept.extras.items()
        },
    )


def limit_people(poses: PoseSet, count: int, seed: int) -> PoseSet:
    """At most `count` people, on whole images drawn by the seed (so that a metric over images stays fair)."""
    if count >= len(poses):
        return poses
    crowd = np.bincount(poses.person_image, minlength=len(poses.images))
    order = np.random.default_rng([seed, 0x5E1EC7]).permutation(np.flatnonzero(crowd))
    total = np.cumsum(crowd[order])
    taken = order[: max(1, int(np.searchsorted(total, count, side="right")))]
    keep = np.zeros(len(poses.images), dtype=bool)
    keep[taken] = True
    return keep_images(poses, keep)
