"""What runs in a job of Slurm's, with stand-ins for Slurm's commands: who is told what, and what comes back."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# Notes each signal, and ends when it may, with the exit code that it is given.
RUN = """
import os, signal, sys, time
seen = open("seen", "a", buffering=1)
for number in (signal.SIGUSR1, signal.SIGTERM):
    signal.signal(number, lambda number, frame: seen.write(signal.Signals(number).name + "\\n"))
open("ready", "w").write(str(os.getpid()))
while not os.path.exists("end"):
    time.sleep(0.05)
raise SystemExit(int(sys.argv[1]))
"""


@pytest.fixture
def task(tmp_path: Path):
    """Starts the task in a folder whose `state` file is what squeue answers; scontrol writes to `asked`."""
    (tmp_path / "run.py").write_text(RUN)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, line in (
        ("squeue", f"cat {tmp_path}/state"),
        ("scontrol", f"echo $* >> {tmp_path}/asked; kill -9 $PPID"),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (tools / name).chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"

    def start(code: int, state: str = "RUNNING|23:59:57", restarts: int = 0) -> subprocess.Popen[str]:
        (tmp_path / "state").write_text(f"{state}\n")
        environment = {**os.environ, "PATH": path, "SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": str(restarts)}
        module = "hydra_plugins.posereg_launcher._slurm_task"
        command = [sys.executable, "-m", module, "3", sys.executable, "run.py", str(code)]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
        limit = time.monotonic() + 20
        while not read(tmp_path, "ready") and time.monotonic() < limit:
            time.sleep(0.05)
        return process

    return start


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text() if (folder / name).exists() else ""


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_run_that_ends_of_itself_gives_the_job_its_exit_code(task, tmp_path: Path, code: int) -> None:
    process = task(code)
    (tmp_path / "end").touch()
    assert process.wait(20) == code
    assert not read(tmp_path, "asked")


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (138, "RUNNING|1:57"),
        (140, "RUNNING|UNLIMITED"),
        (143, "COMPLETING|0:00"),  # at the time limit
        (143, "COMPLETING|INVALID"),
        (143, ""),
    ],
)
def test_a_run_that_was_interrupted_goes_back(task, tmp_path: Path, code: int, state: str) -> None:
    process = task(code, state, restarts=2)
    (tmp_path / "end").touch()
    process.wait(20)
    assert read(tmp_path, "asked") == "requeue 7\n"


@pytest.mark.parametrize(
    ("state", "restarts"),
    [
        ("CANCELLED|23:59:57", 0),
        ("COMPLETING|23:59:57", 0),  # what squeue says of a cancelled job whose last step is not gone
        ("COMPLETING|UNLIMITED", 0),
        ("RUNNING|23:59:57", 3),
    ],
)
def test_not_if_it_was_cancelled_or_has_been_back_too_often(
    task, tmp_path: Path, state: str, restarts: int
) -> None:
    process = task(143, state, restarts)
    (tmp_path / "end").touch()
    assert process.wait(20) == 143
    assert not read(tmp_path, "asked")


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_signals_to_this_process_or_its_group_are_not_passed_on(task, tmp_path: Path, number: int) -> None:
    """The run has them from Slurm itself, and takes a second one for "at once"."""
    process = task(0)
    process.send_signal(number)
    time.sleep(0.3)
    (tmp_path / "end").touch()
    assert process.wait(20) == 0
    assert read(tmp_path, "seen") == ""


def test_a_run_that_is_killed_gives_128_and_the_signal(task, tmp_path: Path) -> None:
    process = task(0)
    os.kill(int(read(tmp_path, "ready")), signal.SIGKILL)
    assert process.wait(20) == 137
