"""What runs in a job of Slurm's: the run, and the way back into the queue when Slurm takes its machine away.

    python -m hydra_plugins.posereg_launcher._slurm_task REQUEUES srun ... PROGRAM ARGUMENT ...

Slurm says so with a signal to the job's steps: USR1 before the time limit, TERM at it or when another job needs the
machine. So the run is a step, which srun starts; it writes its checkpoint and ends with 128 + the signal. Then its job
is queued again under the same number, unless somebody cancelled it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from posereg.runs.signals import SIGNALS

INTERRUPTED = [128 + number for number in SIGNALS]
FINAL = ("CANCELLED", "DEADLINE")  # states of a job that is not to come back
OVER = ("0:00", "INVALID")  # what squeue has for the time that is left, when there is none
PATIENCE_SECONDS = 60.0


def main(requeues: int, command: Sequence[str]) -> int:
    """Run the command; its exit code, 128 + the signal that killed it."""
    for number in SIGNALS:  # they are the run's to answer; this process only waits for it
        signal.signal(number, lambda number, frame: None)
    # A session of its own, as Slurm may signal this process's whole group, and srun takes TERM for "at once".
    code = subprocess.Popen(command, start_new_session=True).wait()
    if code in INTERRUPTED and _again(requeues):
        time.sleep(PATIENCE_SECONDS)  # Slurm ends this process when it puts the job back
    return code if code >= 0 else 128 - code


def _again(requeues: int) -> bool:
    """Put this job back into the queue, if it may."""
    job, before = os.environ["SLURM_JOB_ID"], int(os.environ.get("SLURM_RESTART_COUNT", "0"))
    if before >= requeues:
        print(f"queued again {before} times already (hydra.launcher.requeues): the job ends here", flush=True)
        return False
    told = subprocess.run(
        ["squeue", "--noheader", "--states=all", "--Format=State:|,TimeLeft:", f"--jobs={job}"],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    state, _, left = (part.strip() for part in told.partition("|"))
    # A job that is taken down before its time was cancelled, or Slurm itself has put it back.
    if state in FINAL or (state == "COMPLETING" and left not in OVER):
        return False
    print(f"the job goes back into the queue ({before + 1} of at most {requeues} times)", flush=True)
    return subprocess.run(["scontrol", "requeue", job], check=False).returncode == 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), sys.argv[2:]))
