"""Mixed 2D and 3D training (volume paper, section 2; docs/papers/volume.md#mixed-batches).

The 3D set is trained on together with 2D sets, all in its joints; what a 2D set lacks (depth, some joints) is
marked unknown. Validation is on the 3D set alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.modules.loader import Loader, Order
from posereg.data.modules.topdown import TopDownData
from posereg.data.samples.people import MixedDataset
from posereg.data.sources.joined import in_joints_of
from posereg.data.sources.source import Source
from posereg.errors import UserError, nearest
from posereg.records.poses import PoseSet
from posereg.settings.ranges import Count

MIN_JOINTS = 2


class MixedData(TopDownData):
    """Top-down data of a 3D set with 2D sets beside it in training.

    With 2D sets a pass shows every person of the first one once, and as many of each other set, drawn without
    replacement (in whole rounds where a set is smaller), all shuffled. Without, a pass is the 3D set once.

    Args:
        others: 2D data sets by name.
        use: the names of those that are trained on; joints are matched by name.
        joint_boxes: sets whose boxes are made from their joints, padded by 1.25; the others keep their own.
        limit_others: at most this many people of each 2D set.
        box_source: what the boxes of the 3D set are made from, for the protocol.
        topdown: everything TopDownData takes; `extras` that the 2D sets lack are NaN there.
    """

    def __init__(
        self,
        others: Mapping[str, Source] | None = None,
        use: Sequence[str] = (),
        joint_boxes: Sequence[str] = ("mpii",),
        limit_others: Count | None = None,
        box_source: str = "as read",
        **topdown: Any,
    ) -> None:
        super().__init__(**topdown)
        known = others or {}
        for name in use:
            if name not in known:
                raise UserError(f"loader.use: no 2D data set '{name}' in loader.others{nearest(name, known)}")
        shared = {k: v for k, v in topdown.items() if k in ("input_size", "seed", "missing_images")}
        self.others = {
            name: TopDownData(known[name], limit_train=limit_others, min_joints=MIN_JOINTS, **shared)
            for name in use
        }
        self.joint_boxes = tuple(joint_boxes)
        self.box_source = box_source

    @property
    def protocol(self) -> dict[str, Any]:
        """Part of result.json: where the validation boxes come from, and what was trained on."""
        edges = np.round(self.poses(self.val_split).boxes, 1).astype("<f4")
        return {
            **super().protocol,
            "box_source": self.box_source,
            "box_file_hash": hashlib.sha256(edges.tobytes()).hexdigest()[:16],
            "trained_beside": list(self.others),
        }

    def training_sets(self) -> list[PoseSet]:
        """The people trained on: those of the 3D set, then of each 2D set, in the 3D set's joints.

        Raises:
            UserError: from the readers.
        """
        poses = self.poses(self.train_split)
        sets = [_labelled(poses, self.min_joints)]
        for name, data in self.others.items():
            people = data.poses(data.train_split)
            people = _labelled(in_joints_of(people, poses, self.extras, name in self.joint_boxes), MIN_JOINTS)
            sets.append(people)
        return sets

    def train_dataloader(self) -> Loader:
        """Shuffled batches that mix the sets.

        Raises:
            UserError: a set has no person with enough labelled joints, or too few to fill a batch.
        """
        sets = self.training_sets()
        for poses in sets:
            if not len(poses):
                raise UserError(
                    f"{poses.name} {poses.split}: no person to train on has {self.min_joints} labelled joints"
                )
        augment = self.augment and self.fitting(self.augment)
        parts = [
            self.training_people(poses, augment, self.seed * len(sets) + k) for k, poses in enumerate(sets)
        ]
        dataset = MixedDataset(parts)
        order = mixed_order([len(part) for part in parts], self.seed)
        count = len(order(0))
        if count < self.batch_size:
            raise UserError(f"{count} people do not fill one batch of {self.batch_size} (batch_size)")
        return self.training_loader(dataset, order, count)


def mixed_order(sizes: Sequence[int], seed: int) -> Order:
    """Rows of one pass over concatenated sets, the 3D set first, as MixedData describes it."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    count = sizes[1] if len(sizes) > 1 else sizes[0]

    def order(epoch: int) -> NDArray[np.int64]:
        rng = np.random.default_rng([seed, epoch])
        rows = [start + _draw(rng, size, count) for start, size in zip(starts, sizes, strict=True)]
        return rng.permutation(np.concatenate(rows))

    return order


def _draw(rng: np.random.Generator, size: int, count: int) -> NDArray[np.int64]:
    """`count` of `size` rows, each as often as the others within one."""
    rounds = [rng.permutation(size) for _ in range(-(-count // size))]
    return np.concatenate(rounds)[:count]


def _labelled(poses: PoseSet, least: int) -> PoseSet:
    """People with at least that many labelled joints and a box that is not empty."""
    enough = (poses.visibility > 0).sum(axis=1) >= least
    size = poses.boxes[:, 2:] - poses.boxes[:, :2]
    return poses.people(enough & (size > 0).any(axis=1) & np.isfinite(size).all(axis=1))
