"""Result folders as training leaves them, from a known error distribution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from posereg.evaluation import pckh
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.runs import results
from posereg.skeletons.skeleton import MPII

PAPER = {
    "H1": (86.8, 17.2, 52.9), "H2": (86.4, 17.6, 53.1), "H3": (83.0, 12.6, 46.3), "R1": (84.6, 25.0, 54.1),
    "I1": (87.3, 29.3, 58.3), "I2": (86.9, 29.7, 58.3), "I3": (86.6, 29.1, 57.7), "I_star": (86.0, 28.3, 56.6),
}  # fmt: skip
PAIRS = {"I1": "H1", "I2": "H2", "I3": "H3", "I_star": "R1"}
COLUMNS = ("PCKh@0.5", "PCKh@0.1", "AUC")


def poses(root: Path, people: int = 120) -> PoseSet:
    random = np.random.default_rng(7)
    annotations = root / "annotations.json"
    annotations.parent.mkdir(parents=True, exist_ok=True)
    annotations.write_text("{}")
    keypoints = random.uniform(20, 220, (people, 16, 2)).astype(np.float32)
    return PoseSet(
        name="synthetic", split="valid", skeleton=MPII, root=root,
        images=tuple(f"{k:05d}.png" for k in range(people)), image_ids=np.arange(people),
        person_image=np.arange(people), ids=np.arange(people), keypoints=keypoints,
        visibility=np.full((people, 16), 2, np.uint8),
        boxes=np.tile(np.array([0, 0, 255, 255], np.float32), (people, 1)),
        annotations=annotations, extras={"head_size": np.full(people, 24.0)},
    )  # fmt: skip


def run(
    folder: Path,
    row: str,
    seed: int,
    error: float,
    truth: PoseSet,
    protocol: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    table: str = "integral/table2",
) -> Path:
    """One finished run whose predictions miss by a 2D Gaussian of `error` pixels; the difficulty of a person is
    the same for all runs, as with real pictures. Scored by posereg's own evaluator."""
    random = np.random.default_rng(1000 * seed + sum(map(ord, row)))
    hard = np.random.default_rng(3).gamma(2.0, 0.5, (len(truth), 1, 1))
    noise = random.normal(size=truth.keypoints.shape) * error * hard
    ones = np.ones((len(truth), 16), np.float32)
    predicted = Predictions(
        truth.ids, truth.image_ids, (truth.keypoints + noise).astype(np.float32), ones, ones[:, 0], {}
    )
    evaluation = pckh.evaluate(truth, predicted)
    place = folder / "synthetic" / table / row / f"seed{seed}"
    place.mkdir(parents=True, exist_ok=True)
    predicted.save(place / "predictions.npz")
    np.savez_compressed(place / "evaluation.npz", **evaluation.per_person)
    lines = ["epoch,step,train/loss,val/loss,val/PCKh@0.5"]
    for epoch in range(12):
        loss = 0.02 + 0.2 * np.exp(-epoch / 3)
        lines.append(f"{epoch},{epoch * 50},{loss:.4f},{loss * 1.2:.4f},{80 * (1 - np.exp(-epoch / 3)):.2f}")
    (place / "metrics.csv").write_text("\n".join(lines) + "\n")
    shared = {"flip_test": False, "input_size": [256, 256], "train_people": 1500, "convention": "center"}
    results.write(
        place / "result.json",
        {
            "schema": 1, "table": table, "row": row, "seed": seed, "metrics": evaluation.metrics,
            "curve": evaluation.curve,
            "protocol": {**shared, **evaluation.protocol, "score_rule": "max" if row[0] == "H" else "mean",
                         **(protocol or {})},
            "paper": dict(zip(COLUMNS, PAPER[row], strict=True)) if row in PAPER else {},
            "config_hash": "0", "git_revision": "abc",
            "config": {"data": {"name": "synthetic"}, "compare_to": PAIRS.get(row), "seed": seed, "row": row,
                       "table": table, **(config or {})},
            "versions": results.versions(), "training": {"epochs": 12.0, "seconds": 61.0, "images_per_s": 200.0},
            "complexity": {"params": 34.0e6, "macs": 11.0e9}, "files": {"predictions": "predictions.npz"},
        },
    )  # fmt: skip
    return place / "result.json"


def table2(folder: Path, people: int = 120, seeds: int = 3) -> PoseSet:
    """All eight rows, integral rows better than their heat maps."""
    truth = poses(folder / "data", people)
    errors = {"H1": 5.0, "H2": 5.1, "H3": 6.5, "R1": 5.5, "I1": 3.6, "I2": 3.7, "I3": 3.9, "I_star": 4.6}
    for row, error in errors.items():
        for seed in range(seeds):
            run(folder, row, seed, error, truth)
    return truth
