"""Joint sets of the data sets: names, order, left-right pairs, limbs, metric columns, OKS sigmas.

Joints that mean the same body point carry the same name in every skeleton, so a mapping between two
sets is a lookup by name. Adding a skeleton: define it here and list it in `SKELETONS`.
Orders and sigmas: MPII, LSP, COCO, CrowdPose and CHALL_H80K as published with the data sets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError, nearest
from posereg.settings.ranges import Among, Annotated

# Visibility of a joint, in every record.
NOT_LABELLED, OCCLUDED, VISIBLE = 0, 1, 2


@dataclass(frozen=True)
class Skeleton:
    """A joint set. `groups` are the columns of the set's usual table: name -> joint indices."""

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    groups: dict[str, tuple[int, ...]] = field(default_factory=dict, hash=False)
    sigmas: tuple[float, ...] | None = None
    parents: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.joints)

    @cached_property
    def flip(self) -> NDArray[np.int64]:
        """Permutation (K,) that swaps left and right: joint k of a mirrored person is `flip[k]`."""
        index = {name: k for k, name in enumerate(self.joints)}
        swap = {"left": "right", "right": "left"}

        def mirrored(name: str) -> str:
            side, _, rest = name.partition("_")
            return f"{swap[side]}_{rest}" if side in swap else name

        return np.array([index[mirrored(name)] for name in self.joints], dtype=np.int64)

    @cached_property
    def flip_pairs(self) -> tuple[tuple[int, int], ...]:
        """(left, right) joint indices that a mirror image swaps, each pair once, the lower index first."""
        return tuple((k, int(m)) for k, m in enumerate(self.flip) if k < m)


def _groups(joints: tuple[str, ...], columns: dict[str, tuple[str, ...]]) -> dict[str, tuple[int, ...]]:
    return {column: tuple(joints.index(name) for name in names) for column, names in columns.items()}


def _sides(*parts: str) -> dict[str, tuple[str, ...]]:
    return {part.capitalize(): (f"right_{part}", f"left_{part}") for part in parts}


_LIMB_COLUMNS = {"Head": ("neck", "head_top"), **_sides("shoulder", "elbow", "wrist", "hip", "knee", "ankle")}

_MPII = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax",
    "neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
    "left_wrist",
)  # fmt: skip
MPII = Skeleton(
    "mpii",
    _MPII,
    limbs=((0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9), (10, 11), (11, 12), (12, 7),
           (7, 13), (13, 14), (14, 15)),
    groups=_groups(_MPII, _LIMB_COLUMNS),
    parents=(1, 2, 6, 6, 3, 4, 6, 6, 7, 8, 11, 12, 7, 7, 13, 14),
)  # fmt: skip

_LSP = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist",
    "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head_top",
)  # fmt: skip
LSP = Skeleton(
    "lsp",
    _LSP,
    limbs=((0, 1), (1, 2), (3, 4), (4, 5), (2, 3), (6, 7), (7, 8), (8, 12), (12, 9), (9, 10), (10, 11), (12, 13),
           (2, 8), (3, 9)),
    groups=_groups(_LSP, _LIMB_COLUMNS),
)  # fmt: skip

_COCO = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
    "left_ankle", "right_ankle",
)  # fmt: skip
COCO = Skeleton(
    "coco",
    _COCO,
    limbs=((0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (5, 7), (5, 11), (6, 8), (6, 12), (7, 9),
           (8, 10), (11, 12), (11, 13), (12, 14), (13, 15), (14, 16)),
    groups=_groups(_COCO, _sides("shoulder", "elbow", "wrist", "hip", "knee", "ankle")),
    sigmas=(.026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089),
)  # fmt: skip

_CROWDPOSE = (
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip",
    "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "head_top", "neck",
)  # fmt: skip
CROWDPOSE = Skeleton(
    "crowdpose",
    _CROWDPOSE,
    limbs=((12, 13), (13, 0), (13, 1), (0, 2), (1, 3), (2, 4), (3, 5), (0, 6), (1, 7), (6, 8), (7, 9), (8, 10),
           (9, 11), (6, 7), (0, 1)),
    groups=_groups(_CROWDPOSE, _LIMB_COLUMNS),
    sigmas=(.079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089, .079, .079),
)  # fmt: skip

_H80K = (
    "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "torso", "neck",
    "nose", "head_top", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow",
    "right_wrist", "thorax",
)  # fmt: skip
H80K_PARENTS = (0, 0, 1, 2, 0, 4, 5, 0, 17, 17, 8, 17, 11, 12, 17, 14, 15, 0)
H80K = Skeleton(
    "h80k",
    _H80K,
    limbs=tuple((k, p) for k, p in enumerate(H80K_PARENTS) if k != p),
    groups=_groups(_H80K, {**_LIMB_COLUMNS, "Torso": ("torso", "thorax")}),
    parents=H80K_PARENTS,
)

SKELETONS = {s.name: s for s in (MPII, LSP, COCO, CROWDPOSE, H80K)}
SkeletonName = Annotated[str, Among(lambda: SKELETONS)]


def skeleton(name: str) -> Skeleton:
    """The skeleton of that name.

    Raises:
        UserError: no such skeleton; names the nearest.
    """
    if name not in SKELETONS:
        raise UserError(f"unknown skeleton '{name}'{nearest(name, SKELETONS)}")
    return SKELETONS[name]


def mapping(source: Skeleton, target: Skeleton) -> NDArray[np.int64]:
    """For each target joint the index of the same joint in `source`, -1 where it has none. Shape (K_target,)."""
    index = {name: k for k, name in enumerate(source.joints)}
    return np.array([index.get(name, -1) for name in target.joints], dtype=np.int64)
