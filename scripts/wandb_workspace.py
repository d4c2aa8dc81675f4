"""Build the W&B dashboard of a table: its rows side by side, with curves, final metrics and pictures.

    python scripts/wandb_workspace.py integral/table2 [data=mpii] [entity=NAME] [project=posereg] [out=FILE.json]

Needs the extra: pip install 'posereg[dashboard]'. Logged in, it saves the dashboard and prints its address;
otherwise, or with out=, it writes the dashboard's definition to a JSON file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posereg import config
from posereg.cli.parsing import parse
from posereg.cli.spec import FILE, NAME, Command, Option
from posereg.cli.table import TABLE
from posereg.errors import UserError
from posereg.files import write_json
from posereg.reporting.columns import united
from posereg.reporting.experiments import definition
from posereg.training.loggers import wandb_group, wandb_mode

COMMAND = Command(
    "wandb_workspace",
    "build the W&B dashboard of a table",
    positional=(Option("table", TABLE, "a folder of experiments/", required=True),),
    options=(
        Option("data", NAME, "the runs' data set", default="mpii"),
        Option("entity", NAME, "W&B entity", default_text="yours"),
        Option("project", NAME, "W&B project", default="posereg"),
        Option("out", FILE, "write the definition there instead of saving the dashboard"),
    ),
)


def main(arguments: Sequence[str]) -> int:
    try:
        values = parse(COMMAND, arguments)
        table = values["table"]
        workspace = build(
            table, values["data"], columns(table), values["entity"] or _entity(), values["project"]
        )
        if values["out"] is None and wandb_mode() == "online":
            workspace.save()
            print(workspace.url)
            return 0
        out = values["out"] or Path(f"wandb_{values['data']}_{table.replace('/', '_')}.json")
        write_json(out, describe(workspace))
        print(f"dashboard definition: {out}")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


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


def _entity() -> str:
    if wandb_mode() != "online":
        return "entity"
    import wandb

    return str(wandb.Api().default_entity)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
