"""The end of a run: predictions and evaluation of the trained method on disk, and the result that describes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl

from posereg.data.modules.base import ImageData
from posereg.errors import UserError
from posereg.evaluation import calibration
from posereg.files import whole_file
from posereg.methods.base import PoseModule
from posereg.predict import multicrop
from posereg.records.evaluation import Evaluation
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.runs import folder as runs
from posereg.runs import results
from posereg.runs.protocol import merged, recipe
from posereg.runs.results import Result


def final_result(
    plain: dict[str, Any],
    folder: Path,
    digest: str,
    module: PoseModule,
    data: ImageData,
    trainer: pl.Trainer,
) -> Result:
    """Write predictions.npz, evaluation.npz and the method's pictures; describe them.

    Args:
        plain: the run's resolved config, of hash `digest`.
        module: after the validation of `trainer`, whose predictions it still holds.

    Raises:
        UserError: nobody to evaluate, or what the data set's evaluation says.
    """
    predictions = _predictions(plain, module, data, trainer)
    evaluation = data.evaluate(predictions)
    protocol = protocol_of(plain, module, data, predictions, evaluation)
    drawn: dict[str, str] = {}
    poses = data.poses(data.val_split)
    joints = calibration.scored_joints(poses, predictions, evaluation)
    confidence = calibration.summary(joints)
    if trainer.is_global_zero:
        replace(predictions, meta=protocol).save(folder / runs.PREDICTIONS)
        arrays = {**evaluation.per_person, **module.drawn_from(), **calibration.arrays(joints, poses)}
        save_arrays(folder / runs.EVALUATION, arrays, poses)
        drawn = module.draw(data, folder)
    return {
        "schema": 1,
        "table": plain["table"],
        "row": plain["row"],
        "seed": plain["seed"],
        "metrics": {
            **evaluation.as_json()["metrics"],
            **module.measured(),
            **calibration.metrics(confidence),
        },
        "curve": evaluation.curve,
        "lower_is_better": list(evaluation.lower_is_better),
        "calibration": confidence,
        "protocol": protocol,
        "paper": plain["paper"],
        "config_hash": digest,
        "config": plain,
        "git_revision": results.git_revision(Path(__file__).parent),
        "versions": results.versions(),
        "files": {
            "predictions": runs.PREDICTIONS,
            "checkpoint": runs.CHECKPOINT,
            "evaluation": runs.EVALUATION,
            **drawn,
        },
    }


def protocol_of(
    plain: dict[str, Any],
    module: PoseModule,
    data: ImageData,
    predictions: Predictions,
    evaluation: Evaluation,
) -> dict[str, Any]:
    """Every setting that makes the result's figures comparable, from those who know them.

    Raises:
        ValueError: two of them disagree.
    """
    run = {
        # The source's name, not the format's: synthetic people in MPII's layout are not MPII.
        "dataset": plain["data"]["name"],
        "effective_batch": plain["batch_size"],
        "precision": plain["trainer"]["precision"],
        **recipe(plain),
    }
    if not module.finds_people:
        run["scales"] = plain["crop_scales"]
    scored = {name: value for name, value in evaluation.protocol.items() if name != "dataset"}
    return merged(
        {
            "run": run,
            "data": data.protocol,
            "method": module.protocol(),
            "predictions": predictions.meta,
            "evaluation": scored,
        }
    )


def _predictions(
    plain: dict[str, Any], module: PoseModule, data: ImageData, trainer: pl.Trainer
) -> Predictions:
    """The validation's, or those of several crops a person, as the data set wants them."""
    predictions = module.everyone()
    if predictions is None:
        raise UserError(f"{plain['data']['name']}: the validation split holds nobody to evaluate")
    scales = plain["crop_scales"]
    if scales != [1.0]:
        poses, device = data.poses(data.val_split), str(trainer.strategy.root_device)
        predictions = multicrop.predict(module, poses, scales, data.val_batch_size, device)
        predictions = replace(predictions, meta={"scales": scales})
    return data.postprocessed(predictions)


def save_arrays(path: Path, arrays: dict[str, Any], poses: PoseSet) -> None:
    """Write evaluation.npz: what confidence intervals and the split by occlusion are computed from."""
    if len(arrays.get("distance", ())) == len(poses):
        arrays |= {"images": poses.image_ids[poses.person_image], "visibility": poses.visibility}
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
