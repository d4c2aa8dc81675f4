"""The W&B dashboard's definition: a panel for every metric of the table, its runs grouped by row."""

from __future__ import annotations

import json

import pytest

from posereg.errors import UserError
from posereg.reporting import dashboard


def test_a_panel_for_every_metric_and_the_runs_of_one_data_set_by_row() -> None:
    pytest.importorskip("wandb_workspaces", reason="wandb-workspaces is not installed: posereg[dashboard]")
    workspace = dashboard.build(
        "integral/table2", "lsp", dashboard.columns("integral/table2"), "lab", "posereg"
    )
    content = dashboard.describe(workspace)
    assert (content["entity"], content["project"], content["displayName"]) == (
        "lab",
        "posereg",
        "lsp/integral/table2",
    )
    sections = {s["name"]: s["panels"] for s in content["spec"]["section"]["panelBankConfig"]["sections"]}
    shown = [panel["config"]["metrics"] for panel in sections["Final metrics"]]
    assert shown == [["final/PCKh@0.5"], ["final/PCKh@0.1"], ["final/AUC"]]
    curves = [panel["config"]["metrics"][0] for panel in sections["Training"]]
    assert curves == ["train/loss", "val/loss", "val/PCKh@0.5", "val/PCKh@0.1", "val/AUC"]
    assert sections["Pictures"][0]["config"]["mediaKeys"] == ["examples"]
    (runs,) = content["spec"]["section"]["runSets"]
    assert runs["grouping"][0]["name"] == "jobType"
    assert '"lsp/integral/table2"' in json.dumps(runs["filters"])
    assert '"group"' in json.dumps(runs["filters"])


def test_the_metrics_are_those_that_the_table_shows() -> None:
    assert dashboard.columns("integral/table2") == ["PCKh@0.5", "PCKh@0.1", "AUC"]
    with pytest.raises(UserError, match="there is no table experiments/integral/table99"):
        dashboard.columns("integral/table99")
