"""A data set as the rest of posereg sees it: how it is read, how it is scored, what its splits are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posereg.data.poses import PoseSet
from posereg.errors import UserError
from posereg.predictions import Predictions

if TYPE_CHECKING:
    from posereg.evaluation.result import Evaluation

Reader = Callable[..., PoseSet]


@dataclass(frozen=True)
class Source:
    """What conf/data/<name>.yaml builds.

    Attributes:
        reader: the format's `read`, called with root, split and annotations; the people to train on and predict.
        evaluate: (PoseSet, Predictions) -> Evaluation, the data set's own metric.
        truth: reader of the ground truth to score against, where that holds more than `reader` gives (COCO's
            crowd regions and unlabelled people); `reader` if None.
        annotations: annotation file, of every split or by split; None for the usual place below root.
    """

    name: str
    skeleton: str
    reader: Reader
    evaluate: Callable[[PoseSet, Predictions], Evaluation]
    root: Path | str
    annotations: Any = None
    train_split: str = "train"
    val_split: str = "valid"
    test_split: str | None = None
    truth: Reader | None = None

    def read(self, split: str) -> PoseSet:
        """The people to train on or predict.

        Raises:
            UserError: what the reader says.
        """
        return self._read(self.reader, split)

    def read_truth(self, split: str) -> PoseSet:
        """The ground truth of a split as its metric wants it."""
        return self._read(self.truth or self.reader, split)

    def score(self, split: str, predictions: Predictions) -> Evaluation:
        return self.evaluate(self.read_truth(split), predictions)

    def _read(self, reader: Reader, split: str) -> PoseSet:
        annotations = self.annotations
        if annotations is not None and not isinstance(annotations, str | Path):
            if split not in annotations:
                raise UserError(
                    f"data.annotations names no file for split '{split}'; it has {sorted(annotations)}"
                )
            annotations = annotations[split]
        return reader(root=Path(self.root), split=split, annotations=annotations)
