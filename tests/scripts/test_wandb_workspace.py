"""The W&B dashboard's definition: a panel for every metric of the table, its runs grouped by row."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("wandb_workspaces")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts/wandb_workspace.py"
    spec = importlib.util.spec_from_file_location("wandb_workspace", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_definition_is_written_offline(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["integral/table2", "data=lsp", "entity=lab", f"out={tmp_path / 'w.json'}"]) == 0
    content = json.loads((tmp_path / "w.json").read_text())
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


def test_mistakes(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([]) == 2
    assert script.main(["integral/table99", "out=x.json"]) == 2
    assert "there is no table experiments/integral/table99" in capsys.readouterr().err
