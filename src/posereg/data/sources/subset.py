"""Parts of a PoseSet that `PoseSet.people` does not cover: fewer images, whole images at random."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats.paths import missing_images
from posereg.errors import UserError
from posereg.records.poses import PoseSet

Missing = Literal["error", "drop"]
_LIMIT = 0x5E1EC7


def keep_images(poses: PoseSet, keep: NDArray[np.bool_]) -> PoseSet:
    """Only the images of the mask (M,) and the people on them; other images leave the set."""
    return poses if keep.all() else poses.on_images(keep)


def limit_people(poses: PoseSet, count: int, seed: int) -> PoseSet:
    """At most `count` people, on whole images drawn by the seed (so that a metric over images stays fair)."""
    if count >= len(poses):
        return poses
    crowd = np.bincount(poses.person_image, minlength=len(poses.images))
    order = np.random.default_rng([seed, _LIMIT]).permutation(np.flatnonzero(crowd))
    total = np.cumsum(crowd[order])
    taken = order[: max(1, int(np.searchsorted(total, count, side="right")))]
    keep = np.zeros(len(poses.images), dtype=bool)
    keep[taken] = True
    return keep_images(poses, keep)


def limit_images(poses: PoseSet, count: int, seed: int) -> PoseSet:
    """`count` images, drawn by the seed, with all their people."""
    keep = np.zeros(len(poses.images), dtype=bool)
    keep[np.random.default_rng([seed, _LIMIT]).permutation(len(poses.images))[:count]] = True
    return keep_images(poses, keep)


def present(poses: PoseSet, missing: Missing, needed: NDArray[np.int64] | None = None) -> PoseSet:
    """The set with the images that are on disk and the people on them.

    Args:
        missing: what to do about images that are not there: `error` or `drop`.
        needed: the images whose absence is an error, all of them if None.

    Raises:
        UserError: a needed image is not there and missing is `error`, or no image is; or the set has none at all.
    """
    if not poses.images:
        raise UserError(
            f"{poses.annotations}: {poses.name} {poses.split} has no image, so nobody to train on or measure"
        )
    absent = missing_images(poses.root, poses.images)
    lacking = absent if needed is None else sorted(set(absent) & set(needed.tolist()))
    if lacking and missing == "error":
        first = poses.root / poses.images[lacking[0]]
        raise UserError(
            f"{first}: annotated but not there ({len(lacking)} of {len(poses.images)} images of {poses.name} "
            f"{poses.split} are missing); complete {poses.root} or set loader.missing_images=drop (for posereg "
            "evaluate missing_images=drop)"
        )
    there = np.ones(len(poses.images), dtype=bool)
    there[absent] = False
    kept = keep_images(poses, there)
    if not len(kept.images) or (len(poses) and not len(kept)):
        raise UserError(f"{poses.root}: no person of {poses.name} {poses.split} has an image there")
    return kept
