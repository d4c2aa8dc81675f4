"""Bone lengths and the metric scale that follows from them (volume paper, section 2 and Table 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError, nearest

Array = NDArray[np.float64]

# Whose bones set the size of a prediction: the frame's own true pose, or the mean of a split.
BoneSource = Literal["frame", "train", "val", "train+val"]
SOURCES: tuple[str, ...] = get_args(BoneSource)


def bone_source(name: str) -> BoneSource:
    """
    Raises:
        UserError: no such source; names the nearest.
    """
    if name not in SOURCES:
        raise UserError(f"method.bone_source: unknown source '{name}'{nearest(name, SOURCES)}")
    return name  # type: ignore[return-value]


def length_sum(points: NDArray[np.floating], parents: Sequence[int]) -> Array:
    """Sum (N,) of the distances of all joints (N, K, 3) to their parents; the root is its own parent."""
    values = np.asarray(points, np.float64)
    return np.asarray(np.linalg.norm(values - values[:, list(parents)], axis=-1).sum(axis=1))


def mean_lengths(splits: Mapping[str, NDArray[np.floating]], parents: Sequence[int]) -> dict[str, float]:
    """Mean `length_sum` over the frames of each split and of all together (`train+val`), mm.

    Frames that are not finite (a test split) do not count; a split without frames has no entry.

    Args:
        splits: name -> poses (N, K, 3) mm.
    """
    sums = {name: length_sum(poses, parents) for name, poses in splits.items()}
    known = {name: values[np.isfinite(values)] for name, values in sums.items()}
    known = {name: values for name, values in known.items() if len(values)}
    if len(known) > 1:
        known["+".join(known)] = np.concatenate(list(known.values()))
    return {name: float(values.mean()) for name, values in known.items()}


def rescale(
    points: NDArray[np.floating], length: float | NDArray[np.floating], parents: Sequence[int], root: int = 0
) -> Array:
    """Poses (N, K, 3) in any unit to root-relative mm: their bones sum to `length` (scalar or (N,)) afterwards.

    A pose with all joints at one point has no size to change and becomes zero.
    """
    values = np.asarray(points, np.float64)
    own = length_sum(values, parents)
    factor = np.divide(length, own, out=np.zeros_like(own), where=own > 0)
    return np.asarray((values - values[:, root : root + 1]) * factor[:, None, None])
