"""Joint sets of the data sets: names, order, left-right pairs, limbs, metric columns, OKS sigmas.

Skeletons are data: `conf/skeleton/<name>.yaml` (read by `files.py`). Joints that mean the same body point carry the
same name in every skeleton, so a mapping between two sets is a lookup by name. MPII, LSP, COCO, CROWDPOSE and H80K
are the shipped files of those names, read when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.settings.places import root
from posereg.settings.ranges import Among, Annotated
from posereg.skeletons import files
from posereg.skeletons.sides import Pairs, find_pairs

# Visibility of a joint, in every record.
NOT_LABELLED, OCCLUDED, VISIBLE = 0, 1, 2

Side = Literal["left", "right", ""]


@dataclass(frozen=True)
class Skeleton:
    """A joint set.

    Attributes:
        limbs: pairs of joint indices that are drawn as lines.
        groups: the columns of the set's usual table, name -> joint indices.
        sigmas: OKS's constants, one a joint. parents: the joint each hangs on; the root is its own.
        pairs: (left, right) joint indices; None finds them by the joints' names (`sides.py`).
        colors: RGB of joints that are not drawn in their side's colour.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    groups: dict[str, tuple[int, ...]] = field(default_factory=dict, hash=False)
    sigmas: tuple[float, ...] | None = None
    parents: tuple[int, ...] | None = None
    pairs: Pairs | None = None
    colors: dict[str, tuple[int, int, int]] = field(default_factory=dict, hash=False)

    def __len__(self) -> int:
        return len(self.joints)

    @cached_property
    def _sided(self) -> Pairs:
        return find_pairs(self.joints, f"skeleton {self.name}") if self.pairs is None else self.pairs

    @cached_property
    def flip(self) -> NDArray[np.int64]:
        """Permutation (K,) that swaps left and right: joint k of a mirrored person is `flip[k]`."""
        order = np.arange(len(self), dtype=np.int64)
        for left, right in self._sided:
            order[left], order[right] = right, left
        return order

    @cached_property
    def flip_pairs(self) -> tuple[tuple[int, int], ...]:
        """The joint indices that a mirror image swaps, each pair once, the lower index first."""
        return tuple((k, int(m)) for k, m in enumerate(self.flip) if k < m)

    @cached_property
    def sides(self) -> tuple[Side, ...]:
        """The side of each joint, empty in the middle."""
        side_of: dict[int, Side] = {}
        for left, right in self._sided:
            side_of |= {left: "left", right: "right"}
        return tuple(side_of.get(k, "") for k in range(len(self)))


def names() -> list[str]:
    """The skeletons that can be asked for by name: shipped ones and those of --config-dir."""
    return files.names()


def skeleton(which: str | Mapping[str, Any]) -> Skeleton:
    """The skeleton of a name, of a YAML file by its path, or of a file's content.

    Raises:
        UserError: no such skeleton (names the nearest), or a file that describes none.
    """
    if isinstance(which, Mapping):
        return Skeleton(**files.parsed(which, "skeleton"))
    path = files.path_of(which)
    return _read(path, path.stat().st_mtime_ns)


def mapping(source: Skeleton, target: Skeleton) -> NDArray[np.int64]:
    """For each target joint the index of the same joint in `source`, -1 where it has none. Shape (K_target,)."""
    index = {name: k for k, name in enumerate(source.joints)}
    return np.array([index.get(name, -1) for name in target.joints], dtype=np.int64)


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> Skeleton:
    return Skeleton(**files.parsed(files.content(path), str(path), path.stem))


def _is_skeleton(which: Any) -> bool:
    try:
        skeleton(which)
    except UserError:
        return False
    return True


# A setting that says which joints: a name, a path, or the content of such a file.
SkeletonName = Annotated[str | Mapping[str, Any], Among(names, _is_skeleton)]


def __getattr__(name: str) -> Skeleton:
    if name in ("MPII", "LSP", "COCO", "CROWDPOSE", "H80K"):
        # The shipped file, whatever a folder of the user's calls by the same name.
        return skeleton(str(root() / "conf" / "skeleton" / f"{name.lower()}.yaml"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
