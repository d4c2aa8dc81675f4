"""The W&B dashboard of a table: its rows side by side, with curves, final metrics and pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from posereg import config
from posereg.errors import UserError
from posereg.reporting.columns import united
from posereg.reporting.experiments import definition
from posereg.training.loggers import wandb_group


def columns(table: str) -> list[str]:
    """The metrics a published table shows.

    Raises:
        UserError: no such table.
    """
    published = definition(table, config.experiments())
    if not published.rows:
        raise UserError(f"there is no table experiments/{table}")
    return list(published.columns) or united(
        [list(row.get("paper") or {}) for row in published.rows.values()]
    )


def build(table: str, data: str, metrics: Sequence[str], entity: str, project: str) -> Any:
    """The workspace: runs of the table on one data set (W&B group), grouped by row (job type), seeds averaged.

    Raises:
        UserError: wandb-workspaces is not installed.
    """
    try:
        import wandb_workspaces.reports.v2 as panels
        import wandb_workspaces.workspaces as workspaces
    except ImportError as error:
        raise UserError("wandb-workspaces is missing: pip install 'posereg[dashboard]'") from error

    group = wandb_group(data, table)
    final = [
        panels.BarPlot(title=name, metrics=[f"final/{name}"], orientation="h", max_bars_to_show=40)
        for name in metrics
    ]
    training = [
        panels.LinePlot(title=name, x="epoch", y=[name], groupby_aggfunc="mean", groupby_rangefunc="minmax")
        for name in ("train/loss", "val/loss", *(f"val/{name}" for name in metrics))
    ]
    sections = [
        workspaces.Section(name="Final metrics", panels=final, is_open=True),
        workspaces.Section(name="Training", panels=training, is_open=True),
        workspaces.Section(
            name="Pictures", panels=[panels.MediaBrowser(media_keys=["examples"])], is_open=True
        ),
        workspaces.Section(name="Configurations", panels=[panels.RunComparer(diff_only=True)]),
    ]
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name=group,
        sections=sections,
        settings=workspaces.WorkspaceSettings(x_axis="epoch", max_runs=50),
        runset_settings=workspaces.RunsetSettings(
            filters=[workspaces.Metric("Group") == group],
            groupby=[workspaces.Metric("JobType")],
            order=[workspaces.Ordering(workspaces.Metric("Name"), ascending=True)],
        ),
    )


def describe(workspace: Any) -> dict[str, Any]:
    """The definition that W&B would store, as plain JSON."""
    content: dict[str, Any] = json.loads(
        workspace._to_model().model_dump_json(by_alias=True, exclude_none=True)
    )
    return content
