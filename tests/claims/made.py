"""Results whose per-person distances are known, written as training leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from posereg.claims.definition import Claim
from posereg.claims.judge import CONFIRMED, Judged, Judgement
from posereg.evaluation import pck
from posereg.runs import metrics_csv, results

THRESHOLDS = np.arange(51) / 100


def run(
    folder: Path,
    row: str,
    distance: np.ndarray,
    seed: int = 0,
    *,
    data: str = "mpii",
    steps: int = 1000,
    before: float | None = None,
    arrays: dict[str, np.ndarray] | None = None,
    metrics: dict[str, float] | None = None,
    protocol: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
) -> Path:
    """The run of `<table>/<row>` below `folder`, from distances (N, K) in head sizes. It has finished learning, unless
    `before` says what less it scored half a training earlier."""
    table, name = row.rsplit("/", 1)
    place = folder / row / f"seed{seed}"
    place.mkdir(parents=True, exist_ok=True)
    correct, counted = pck.hits(distance, THRESHOLDS)
    curve = pck.rate(correct, counted)
    own = {"PCKh@0.5": curve[50], "PCKh@0.1": curve[10], "AUC": pck.area_under(THRESHOLDS, curve)}
    scored = own if metrics is None else metrics
    early, late = (
        {f"val/{name}": value - less for name, value in scored.items()} for less in (before or 0.0, 0.0)
    )
    metrics_csv.write(place / "metrics.csv", [{"step": steps / 2, **early}, {"step": steps, **late}])
    np.savez_compressed(place / "evaluation.npz", **({"distance": distance} if arrays is None else arrays))
    results.write(
        place / "result.json",
        {
            "schema": 1, "table": table, "row": name, "seed": seed,
            "metrics": {key: float(value) for key, value in scored.items()},
            "curve": {"thresholds": THRESHOLDS.tolist(), "values": curve.tolist()},
            "protocol": {"dataset": data, "split": "valid", "flip_test": False, "input_size": [256, 256],
                         "images": len(distance), "people": len(distance), "train_people": 1500, **(protocol or {})},
            "config": {"data": {"name": data}, "row": name, "table": table, "seed": seed, **(config or {})},
            "training": {"steps": steps},
        },
    )  # fmt: skip
    return place / "result.json"


def distances(error: float, people: int = 150, seed: int = 0, joints: int = 8) -> np.ndarray:
    """Distances of 2D Gaussian errors of `error` head sizes; how hard a person is does not depend on the run."""
    hard = np.random.default_rng(1).gamma(4.0, 0.25, (people, 1))
    noise = np.random.default_rng([seed, round(error * 1e6)]).normal(size=(2, people, joints))
    return error * hard * np.hypot(*noise)


def judgement(**changed: Any) -> Judgement:
    """A confirmed comparison of two rows over three seeds, with the given fields changed."""
    fields: dict[str, Any] = {
        "label": "pair", "compared": "I1 − H1", "campaign": "mpii", "data": "mpii", "verdict": CONFIRMED,
        "metric": "AUC", "effect": 2.0, "low": 1.0, "high": 3.0, "over": "images and seeds", "paper": 2.5,
        "paper_metric": "AUC", "seeds": 3, "images": 1500, "people": 1500, "train_people": 9000,
        "steps": (1000, 2000),
    }  # fmt: skip
    return Judgement(**{**fields, **changed})


def verdict_on(verdict: str, *lines: Judgement, text: str = "One is better.", seeds: int = 3) -> Judged:
    """A claim that wants three seeds, with that verdict; one comparison unless some are given."""
    claim = Claim("a_claim", "A paper", "Table 2", text, ("mpii",), 3, (), ())
    return Judged(claim, lines or (judgement(verdict=verdict, seeds=seeds),), verdict, "")
