"""The mean pose of several models (volume paper, Table 2, last row), from their predictions.

Which models, and whether they are averaged before or after rescaling, is not published: root-relative millimetres
of any runs of the same table are averaged (docs/papers/volume.md#testing). The columns of the table's row leave only
models of one kind, so its members differ in their seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from posereg.errors import UserError
from posereg.methods.base import Batch, PoseModule
from posereg.records.predictions import Predictions, load
from posereg.runs import folder as runs
from posereg.runs.siblings import finished_sibling
from posereg.settings.ranges import Annotated, Len

# What an ensemble's result takes over from its members' protocol: how they were tested, and what their poses mean.
SHARED = ("input_size", "convention", "flip_test")
KEPT = ("members", "bone_source", "bone_lengths")


def average(members: Sequence[Predictions], names: Sequence[str] = ()) -> Predictions:
    """The mean of poses and scores of the same people, in the order of the first member.

    Raises:
        UserError: no member, other people or other joints in one of them.
    """
    if not members:
        raise UserError("an ensemble needs at least one member")
    names = names or [f"member {k}" for k in range(len(members))]
    first = members[0]
    aligned = []
    for name, member in zip(names, members, strict=True):
        order = np.argsort(member.ids, kind="stable")
        if not np.array_equal(member.ids[order], np.sort(first.ids)):
            raise UserError(f"{name} predicts other people than {names[0]}; an ensemble needs the same")
        if member.keypoints.shape[1:] != first.keypoints.shape[1:]:
            raise UserError(
                f"{name} predicts {member.keypoints.shape[1:]} coordinates, {names[0]} {first.keypoints.shape[1:]}"
            )
        place = np.empty_like(order)
        place[np.argsort(first.ids, kind="stable")] = order
        aligned.append(member.rows(place))

    def mean(column: str) -> NDArray[np.float32]:
        values = np.mean([getattr(member, column) for member in aligned], axis=0, dtype=np.float64)
        return np.asarray(values, np.float32)

    return replace(
        first,
        keypoints=mean("keypoints"),
        keypoint_scores=mean("keypoint_scores"),
        scores=mean("scores"),
        meta={**first.meta, "members": list(names)},
    )


class PredictionEnsemble(PoseModule):
    """A row of a table that is not trained: it averages the predictions of sibling rows of the same seed, or of one
    that is N higher (`flip@100`).

    Siblings that are not done yet are run first.

    Args:
        members: rows of the same table.
        pose: everything PoseModule takes; the network is not used.
    """

    score_rule = "mean of members"
    dimensions = None
    needs_weights = False

    def __init__(self, members: Annotated[Sequence[str], Len(1)], **pose: Any) -> None:
        super().__init__(**pose)
        if not members:
            raise UserError("method.members: an ensemble needs at least one row")
        self.members = tuple(members)
        self._average: Predictions | None = None
        self._shared: dict[str, Any] = {}

    def on_validation_start(self) -> None:
        """Reads the members' predictions and averages them.

        Raises:
            UserError: a member without predictions, or members that predicted different people.
        """
        predictions = []
        for member in self.members:
            folder = finished_sibling(member, self.plain_config, self.overrides)
            predictions.append(load(folder / runs.PREDICTIONS))
        mean = average(predictions, self.members)
        self._shared = {name: mean.meta[name] for name in SHARED if name in mean.meta}
        kept = {name: value for name, value in mean.meta.items() if name in KEPT}
        self._average = replace(mean, meta=kept)

    def protocol(self) -> dict[str, Any]:
        """As the members were tested."""
        return {**super().protocol(), **self._shared}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Takes the mean poses of the people in the batch; the images are not looked at.

        Raises:
            UserError: a person whom the members did not predict.
        """
        assert self._average is not None
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        wanted = data.poses(data.val_split).ids[batch["index"].cpu().numpy()]
        rows = {person: row for row, person in enumerate(self._average.ids.tolist())}
        if missing := set(wanted.tolist()) - set(rows):
            raise UserError(f"{self.members[0]} has no prediction of person {min(missing)}")
        self.keep(batch, self._average.rows(np.array([rows[person] for person in wanted.tolist()])))

    def losses(self, images: Tensor, batch: Batch) -> dict[str, Tensor]:
        """
        Raises:
            UserError: always, as there is no network to train.
        """
        raise UserError("an ensemble has nothing to train: set evaluate_only=true")
