"""The people that a run was scored on, for example pictures and error analysis."""

from __future__ import annotations

from posereg import config as configs
from posereg.errors import UserError
from posereg.records.poses import PoseSet
from posereg.reporting.collect import Run


def scored_people(run: Run) -> PoseSet:
    """The people a run was scored on, read through its own configuration.

    Raises:
        UserError: the data is gone, or its annotations have changed since.
    """
    wanted = run.result["protocol"]
    data = run.result["config"].get("data") or {}
    if "_target_" not in data:
        raise UserError(f"{run.path}: its config does not say how to read the data")
    poses: PoseSet = configs.instantiate(data).read(wanted["split"])
    if poses.annotation_hash != wanted["annotation_hash"]:
        raise UserError(f"{poses.annotations} is not the file that {run.path} was scored against")
    return poses
