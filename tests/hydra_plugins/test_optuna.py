"""Optuna asks for runs and is told their main metric; each trial has a folder of its own."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from sweeps import sweep, write

needs_optuna = pytest.mark.skipif(not find_spec("optuna"), reason="Optuna is not installed: posereg[optuna]")
# The app's score is 80 + seed.
SEARCH = (
    "hydra/sweeper=optuna", "hydra.sweeper.study_name=tried", "hydra.sweeper.sampler.seed=1",
    "hydra.sweeper.n_trials=4", "hydra.sweeper.n_jobs=2", "hydra.sweeper.direction=maximize",
    "hydra.sweeper.max_failure_rate=1",
)  # fmt: skip


@pytest.mark.slow
@needs_optuna
def test_it_finds_the_best_and_goes_on_past_a_failure(tmp_path: Path) -> None:
    app = write(tmp_path)
    done = sweep(app, *SEARCH, "row=choice(raises,H1)", "seed=range(0,5)", timeout=240)
    results = [json.loads(path.read_text()) for path in app.rglob("result.json")]
    best = max(result["metrics"]["PCKh@0.5"] for result in results)
    assert f"best_value: {best}" in (app / "sweep/optimization_results.yaml").read_text(), done.stderr
    assert any("ValueError" in path.read_text() for path in app.rglob("raises/*/log.txt"))


@pytest.mark.slow
@needs_optuna
def test_trials_that_would_share_a_folder_are_refused(tmp_path: Path) -> None:
    app = write(tmp_path)
    refused = sweep(app, *SEARCH, "lr=interval(0.1,0.2)", timeout=240)
    assert "would both write to" in refused.stderr
    apart = sweep(app, *SEARCH, "lr=interval(0.1,0.2)", "row='H1-lr${lr}'", timeout=240)
    assert apart.returncode == 0, apart.stderr
    assert len(list((app / "runs").glob("H1-lr0.1*/seed0/result.json"))) == 4
