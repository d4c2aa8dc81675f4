"""Tiny synthetic data sets on disk and tiny runs over them, made once and shared by the test processes."""

import os
import tempfile
from pathlib import Path

from pose2d import write_pose2d
from posereg.data.synthetic.make import make
from posereg.runs import folder as runs

COUNTS = {"mpii": 40, "lsp": 24, "lspet": 24, "coco": 10, "crowdpose": 10, "h80k": 12}


def data_set(kind: str) -> Path:
    """Folder of a synthetic set in that official layout; an identical one that is there is kept."""
    folder = Path(os.environ.get("POSEREG_TEST_DATA", tempfile.gettempdir())) / f"posereg-tests-{os.getuid()}"
    out = folder / f"{kind}{COUNTS[kind]}"
    with runs.lock(folder):
        make(kind, out, COUNTS[kind], seed=1, size=128)
        if kind == "h80k" and not (out / "pose2d/test.npz").exists():
            write_pose2d(out)
    return out


def overrides(kind: str, folder: Path, *more: str) -> list[str]:
    """A run of a few small steps on the CPU."""
    name = {"mpii": "synthetic"}.get(kind, f"synthetic_{kind}")
    # The demo's own schedule is tuned for its table; these runs do not move with it.
    schedule = [] if any(word.startswith("schedule=") for word in more) else ["schedule=cosine"]
    return [
        f"data={name}", f"data.root={data_set(kind)}", f"runs={folder}", "trainer=demo", *schedule,
        "trainer.epochs=2", "trainer.validate_every=1", "trainer.limit_train_batches=2", "batch_size=4", *more,
    ]  # fmt: skip
