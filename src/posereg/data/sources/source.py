"""A data set as the rest of posereg sees it: its reader, its metric and the names of its splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from posereg.data.formats import detections
from posereg.errors import UserError
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.settings.ranges import Annotated, File, Is, Name, NotNegative, is_text
from posereg.skeletons.skeleton import SkeletonName

if TYPE_CHECKING:
    from posereg.records.evaluation import Evaluation

Reader = Callable[..., PoseSet]


def is_folder(name: object) -> bool:
    """Whether a root names a folder at all: not empty, no control character."""
    return isinstance(name, Path) or is_text(name)


@dataclass(frozen=True)
class Source:
    """What conf/data/<name>.yaml builds.

    Attributes:
        reader: the format's `read`, called with root, split and annotations; the people to train on and predict.
        evaluate: (PoseSet, Predictions) -> Evaluation, the data set's own metric.
        truth: reader of the ground truth to score against, where that holds more than `reader` gives (COCO's
            crowd regions and unlabelled people); `reader` if None.
        boxes: a detector's COCO result file, or one by split, to predict from in place of the annotated boxes;
            a single file is used on every split but `train_split`.
        min_box_score: a detector's boxes below this score are left out.
        postprocess: (PoseSet, Predictions) -> Predictions, what happens to raw top-down predictions before they are
            saved and scored (inference/postprocess.py).
        annotations: annotation file, of every split or by split; None for the usual place below root.
        file: the YAML that describes a data set of the user's (conf/data/from_file.yaml).
    """

    name: Name
    skeleton: SkeletonName
    reader: Reader
    evaluate: Callable[[PoseSet, Predictions], Evaluation]
    root: Annotated[Path | str, Is("a folder", is_folder)]
    annotations: File | Mapping[str, File] | None = None
    train_split: Name = "train"
    val_split: Name = "valid"
    test_split: Name | None = None
    truth: Reader | None = None
    boxes: File | Mapping[str, File] | None = None
    min_box_score: NotNegative = 0.0
    postprocess: Callable[[PoseSet, Predictions], Predictions] | None = None
    file: File | None = None

    def postprocessed(self, poses: PoseSet, predictions: Predictions) -> Predictions:
        """Raw predictions of `poses` as they are saved, scored and submitted."""
        return predictions if self.postprocess is None else self.postprocess(poses, predictions)

    def read(self, split: str) -> PoseSet:
        """The people to train on or predict; a detector's boxes where `boxes` names them.

        Raises:
            UserError: from the readers.
        """
        poses = self._read(self.reader, split)
        file = self.box_file(split)
        return poses if file is None else detections.detected(poses, file, self.min_box_score)

    def read_everyone(self, split: str) -> PoseSet:
        """With crowd regions and unlabelled people, for readers that can tell (COCO, CrowdPose)."""
        return self._read(partial(self.reader, everyone=True), split)

    def box_file(self, split: str) -> Path | None:
        """Where the split's boxes come from, None for the annotations."""
        return detections.file_of(self.boxes, split, self.train_split)

    def read_truth(self, split: str) -> PoseSet:
        """The ground truth of a split as its metric wants it."""
        return self._read(self.truth or self.reader, split)

    def score(self, split: str, predictions: Predictions) -> Evaluation:
        """Predictions of a split under the data set's own metric.

        Raises:
            UserError: from the reader, or the predictions are of other people.
        """
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
