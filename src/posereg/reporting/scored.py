"""The people that a run was scored on, for example pictures and error analysis."""

from __future__ import annotations

from pathlib import Path

from posereg.errors import UserError
from posereg.records.poses import PoseSet
from posereg.reporting.collect import Run
from posereg.reporting.data_set import source_of


def scored_people(run: Run, root: Path | None = None) -> PoseSet:
    """The people a run was scored on.

    Args:
        root: the folder of the data set; None: where its config says.

    Raises:
        UserError: no data set of that name, the data are not there, or their annotations have changed since.
    """
    wanted = run.result.get("protocol", {})
    poses = source_of(run.result, run.path, root).read(str(wanted.get("split")))
    if poses.annotation_hash != wanted.get("annotation_hash"):
        raise UserError(f"{poses.annotations} is not the file that {run.path} was scored against")
    return poses
