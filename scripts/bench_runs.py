"""What somebody waits for: whole processes of a run, a run that goes on, and predictions.

    OMP_NUM_THREADS=1 python scripts/bench_runs.py [--pictures 32] [--repeats 2]

- Processor time of the user and the system from a process's start to its end, with its children, and the largest
  memory of one of them; one thread.
- The run trains a ResNet-10 of an eighth of its width on drawn people for eight steps, validates and writes its result,
  so that nearly all of it is start-up. It is stopped at its first checkpoint and resumed, too.
- Predictions are the shipped ResNet-18's, of drawn pictures of 640 x 480, each looked at twice and mirrored.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_commands import ROOT, run
from measure import WHOLE, begin, whole

RUN = (
    "train", "method=I1", "data=synthetic", "recipe=demo", "trainer.accelerator=cpu", "trainer.epochs=2",
    "trainer.limit_train_batches=4", "trainer.checkpoint_minutes=0.0001", "loader.workers=0",
)  # fmt: skip
Costs = list[tuple[float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    begin(__doc__, WHOLE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people, pictures = folder / "people", folder / "pictures"
        draw = ("data", "make", f"out={people}", "kind=mpii", "people=80", "size=128", "style=plain")
        alone(draw, people)
        draw = ("data", "make", f"out={pictures}", "kind=coco", f"images={asked.pictures}", "size=640")
        alone(draw, pictures)
        predict = ("predict", str(pictures), "device=cpu", "out=OUT")
        jobs = {
            "posereg version": ("version",),
            "a run of eight steps": (*RUN, f"data.root={people}", "runs=OUT"),
            f"predict, {asked.pictures} pictures, overlays drawn": predict,
            f"predict, {asked.pictures} pictures": (*predict, "overlays=false"),
        }
        costs: dict[str, Costs] = {job: [] for job in jobs}
        resumed: Costs = []
        for _ in range(asked.repeats):
            for job, arguments in jobs.items():
                costs[job].append(alone(arguments, folder / "out"))
            resumed.append(going_on(jobs["a run of eight steps"], folder / "out"))
    for job, its in costs.items():
        whole(job, its, "")
        if job.startswith("a run"):
            whole("the same, resumed from its first checkpoint", resumed, "")


def alone(arguments: tuple[str, ...], out: Path, fresh: bool = True) -> tuple[float, float]:
    """Seconds and megabytes of `posereg`, into an empty folder or what is there."""
    if fresh:
        shutil.rmtree(out, ignore_errors=True)
    cost = run(arguments, ROOT, out, out)
    return cost.seconds, cost.megabytes


def going_on(arguments: tuple[str, ...], out: Path) -> tuple[float, float]:
    """Seconds and megabytes of a run that was stopped at its first checkpoint and goes on."""
    shutil.rmtree(out, ignore_errors=True)
    given = [text.replace("OUT", str(out)) for text in arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "posereg.cli.main", *given]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not any(out.rglob("last.ckpt")):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    if process.wait() != 128 + signal.SIGTERM:
        raise SystemExit(f"the run was not stopped in time (exit {process.returncode}); give it more steps")
    return alone(arguments, out, fresh=False)


if __name__ == "__main__":
    main()
