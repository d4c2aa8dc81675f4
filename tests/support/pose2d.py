"""2D predictions of a synthetic CHALL_H80K set, as a good 2D model would make them: its true joints plus noise."""

from pathlib import Path

import numpy as np

from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import H80K, MPII, mapping


def write_pose2d(root: Path, noise: float = 1.0, seed: int = 0) -> Path:
    """`<root>/pose2d/<split>.npz`, MPII joints with normal noise in pixels; returns the folder."""
    rng = np.random.default_rng(seed)
    for name in ("Train", "Val", "Test"):
        joints = np.load(root / f"truth/{name}.npz")["joints"][:, mapping(H80K, MPII)]
        ids = np.arange(1, len(joints) + 1)
        noisy = (joints + noise * rng.standard_normal(joints.shape)).astype(np.float32)
        scores = np.ones(joints.shape[:2], np.float32)
        found = Predictions(ids, ids, noisy, scores, scores.mean(1), meta={"skeleton": "mpii"})
        found.save(root / "pose2d" / f"{name.lower()}.npz")
    return root / "pose2d"
