"""Any trained model scored on any data set of 2D people, without training: a result.json like that of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from posereg.data.modules.base import ImageData
from posereg.data.modules.scenes import BottomUpData
from posereg.data.modules.topdown import TopDownData
from posereg.data.sources.source import Source
from posereg.errors import UserError
from posereg.evaluation import calibration
from posereg.evaluation.bootstrap import part, signed
from posereg.methods.base import PoseModule
from posereg.predict import multicrop, predictor
from posereg.predict.final import save_arrays
from posereg.records.evaluation import Evaluation
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.runs import folder as runs
from posereg.runs import results
from posereg.runs.protocol import merged
from posereg.runs.results import Result
from posereg.skeletons.skeleton import Skeleton, mapping

# Where a joint is said to be that the model does not have: far outside every picture, so it counts as missed in
# every metric. Not NaN, which COCO's result files cannot hold.
NOWHERE = -1e5


@dataclass(frozen=True)
class Request:
    """What is evaluated, and how.

    Attributes:
        digest: SHA-256 of the model's file. data: the data set's config node.
        table, row: where the result stands in tables.
        scales: sizes of each person's crop, of a top-down model.
    """

    digest: str
    data: Mapping[str, Any]
    table: str
    row: str
    scales: Sequence[float] = (1.0,)
    batch_size: int = 32
    device: str = "auto"

    def config(self, module: PoseModule) -> dict[str, Any]:
        """What decides the figures, for result.json."""
        return {
            "table": self.table,
            "row": self.row,
            "seed": 0,
            "evaluate_only": True,
            "data": dict(self.data),
            "method": module.plain_config.get("method", {}),
            "flip_test": module.flip_test,
            "crop_scales": list(self.scales),
            "weights_sha256": self.digest,
        }


def people_of_source(
    module: PoseModule, source: Source, split: str | None = None, missing_images: Any = "error"
) -> ImageData:
    """The data set as the model looks at it: one person, or one whole image, at a time."""
    settings = {
        "source": source,
        "input_size": module.input_size,
        "val_split": split,
        "missing_images": missing_images,
    }
    return BottomUpData(**settings) if module.finds_people else TopDownData(**settings)


def evaluate(module: PoseModule, data: ImageData, request: Request, out: Path) -> Result:
    """Predict the people of the data's validation split, score them by the data set's own metric, and write
    result.json, predictions.npz and evaluation.npz to `out`.

    Joints are matched by name. One that the model lacks counts as missed; `joints_lacking` of the protocol names it.

    Raises:
        UserError: a model of which no joint is the data set's, or the folder holds the result of something else.
    """
    config = request.config(module)
    digest = runs.config_hash(config)
    if (out / runs.RESULT).exists():
        known = results.read(out / runs.RESULT)
        if known.get("config_hash") == digest:
            return known
        raise UserError(
            f"{out} holds the result of another model or data set ({known['row']}); name another folder with out=DIR"
        )
    poses = data.poses(data.val_split)
    lacking = joints_lacking(module.skeleton, poses.skeleton)
    predictions = data.postprocessed(
        in_joints(_predicted(module, poses, request), module.skeleton, poses.skeleton)
    )
    evaluation = data.evaluate(predictions)
    scored = {name: value for name, value in evaluation.protocol.items() if name != "dataset"}
    run: dict[str, Any] = {
        "dataset": request.data["name"],
        "precision": "32-true",
        "weights_sha256": request.digest,
    }
    if lacking:
        run["joints_lacking"] = lacking
    if not module.finds_people:
        run["scales"] = list(request.scales)
    parts = {
        "run": run,
        "data": data.measured_on,
        "method": module.protocol(),
        "predictions": predictions.meta,
    }
    protocol = merged({**parts, "evaluation": scored})
    replace(predictions, meta=protocol).save(out / runs.PREDICTIONS)
    joints = calibration.scored_joints(poses, predictions, evaluation)
    arrays = {**evaluation.per_person, **module.drawn_from(), **calibration.arrays(joints, poses)}
    save_arrays(out / runs.EVALUATION, arrays, poses)
    confidence = calibration.summary(joints)
    result: Result = {
        "schema": 1,
        "table": request.table,
        "row": request.row,
        "seed": 0,
        "metrics": {**evaluation.as_json()["metrics"], **calibration.metrics(confidence)},
        "intervals": intervals(evaluation, poses),
        "curve": evaluation.curve,
        "lower_is_better": list(evaluation.lower_is_better),
        "calibration": confidence,
        "protocol": protocol,
        "paper": {},
        "config_hash": digest,
        "config": config,
        "git_revision": results.git_revision(Path(__file__).parent),
        "versions": results.versions(),
        "files": {"predictions": runs.PREDICTIONS, "evaluation": runs.EVALUATION},
    }
    results.write(out / runs.RESULT, result)
    return result


def joints_lacking(model: Skeleton, wanted: Skeleton) -> list[str]:
    """The joints of `wanted` that the model does not have, by name.

    Raises:
        UserError: it has none of them.
    """
    there = mapping(model, wanted) >= 0
    if not there.any():
        raise UserError(f"the model's skeleton {model.name} shares no joint with {wanted.name}, the data's")
    return [name for name, known in zip(wanted.joints, there, strict=True) if not known]


def in_joints(predictions: Predictions, model: Skeleton, wanted: Skeleton) -> Predictions:
    """The predictions of a model's joints as those of another skeleton, by the joints' names; what the model lacks
    lies `NOWHERE` with score 0."""
    order = mapping(model, wanted)
    there = order >= 0
    keypoints = np.where(there[:, None], predictions.keypoints[:, order], NOWHERE).astype(np.float32)
    scores = np.where(there, predictions.keypoint_scores[:, order], 0).astype(np.float32)
    return replace(predictions, keypoints=keypoints, keypoint_scores=scores)


def intervals(evaluation: Evaluation, poses: PoseSet) -> dict[str, list[float]]:
    """95 % intervals (bootstrap over images) of the totals that can be resampled."""
    limits = {}
    for metric in (name for name in evaluation.metrics if "/" not in name):
        try:
            interval = signed([part(1, "", [evaluation], metric)], poses.image_ids[poses.person_image])
        except UserError:
            continue
        limits[metric] = [round(interval.low, 2), round(interval.high, 2)]
    return limits


def _predicted(module: PoseModule, poses: PoseSet, request: Request) -> Predictions:
    if module.finds_people:
        return replace(predictor.predict(module, poses, request.batch_size, request.device), meta={})
    predictions = multicrop.predict(module, poses, request.scales, request.batch_size, request.device)
    return replace(predictions, meta={})
