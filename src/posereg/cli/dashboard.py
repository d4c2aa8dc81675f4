"""`posereg dashboard`: a table's dashboard in W&B."""

from __future__ import annotations

from pathlib import Path

from posereg.cli.spec import FILE, NAME, Command, Option
from posereg.cli.table import TABLE

COMMAND = Command(
    "dashboard",
    "build the W&B dashboard of a table",
    """
    Its runs on one data set, trained with logger=wandb, grouped by row: final metrics, curves and pictures. Needs pip
    install 'posereg[dashboard]'. Logged in, it saves the dashboard and prints its address; otherwise, or with out=,
    it writes the dashboard's definition to a JSON file.
    """,
    positional=(Option("table", TABLE, "a folder of experiments/, e.g. integral/table2", required=True),),
    options=(
        Option("data", NAME, "the runs' data set", default="mpii"),
        Option("entity", NAME, "W&B entity", default_text="yours"),
        Option("project", NAME, "W&B project", default="posereg"),
        Option("out", FILE, "write the definition there instead of saving the dashboard"),
    ),
    examples=("posereg dashboard integral/table2 data=lsp",),
)


def run(table: str, data: str, entity: str | None, project: str, out: Path | None) -> int:
    """Save the dashboard in W&B, or write its definition.

    Raises:
        UserError: no such table, or wandb-workspaces is not installed.
    """
    from posereg.files import write_json
    from posereg.reporting import dashboard
    from posereg.training.loggers import wandb_mode

    online = wandb_mode() == "online"
    metrics = dashboard.columns(table)
    workspace = dashboard.build(table, data, metrics, entity or _entity(online), project)
    if out is None and online:
        workspace.save()
        print(workspace.url)
        return 0
    out = out or Path(f"wandb_{data}_{table.replace('/', '_')}.json")
    write_json(out, dashboard.describe(workspace))
    print(f"dashboard definition: {out}")
    return 0


def _entity(online: bool) -> str:
    if not online:
        return "entity"
    import wandb

    return str(wandb.Api().default_entity)
