"""A small edition of scripts/stress_resume.py, and a real command line that gets real signals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tiny import overrides

SCRIPT = Path(__file__).parents[2] / "scripts" / "stress_resume.py"


@pytest.mark.slow
def test_killed_runs_end_like_the_ones_that_were_not():
    command = [sys.executable, str(SCRIPT), "--kills=6", "--seed=1", "--cases=plateau,everything,phases"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("6 of 6 equal")


def started(folder, environment, *more):
    """A run of many small steps, once it is training."""
    given = [text for text in overrides("mpii", folder) if not text.startswith("trainer.epochs")]
    process = subprocess.Popen(
        [sys.executable, "-m", "posereg.cli.main", "train", *given, "method=R1", "trainer.epochs=2000", *more],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment},
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 2/"):
            return process
    raise AssertionError("never trained")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"])
def test_a_signal_ends_a_run_with_its_code_and_its_state(tmp_path, name):
    # Under Slurm, as salloc sets it up; Lightning would answer SIGUSR1 with a checkpoint of its own.
    slurm = {"SLURM_NTASKS": "2", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "job"}
    process = started(tmp_path, slurm)
    process.send_signal(getattr(signal, name))
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + getattr(signal, name)
    assert "Traceback" not in said
    assert "the same command goes on" in said
    (status,) = tmp_path.rglob("status.json")
    assert json.loads(status.read_text())["state"] == "interrupted"
    assert (status.parent / "last.ckpt").exists()
    assert not list(tmp_path.rglob("hpc_ckpt*"))


@pytest.mark.slow
def test_a_signal_to_the_whole_group_spares_the_workers_until_the_checkpoint_is_written(tmp_path):
    process = started(tmp_path, {}, "loader.workers=2", "trainer.checkpoint_minutes=null")
    time.sleep(0.5)
    # As Slurm and a closing terminal do; the test's own process answers nothing.
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in (*map(int, children), process.pid):
            os.kill(child, signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert process.returncode == 143, said
    assert "RuntimeError" not in said
