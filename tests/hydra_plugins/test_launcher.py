"""The pool launcher, driven through a real Hydra program whose runs succeed, raise, exit and die."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sweeps import command, starts, status, sweep, write


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return write(tmp_path)


def test_goes_on_past_failures_and_retries_only_them(app: Path) -> None:
    done = sweep(app, "row=raises,exits,dies,H1", "seed=0,1")
    assert done.returncode == 1, done.stderr
    assert "H1" in done.stdout
    assert "81.0" in done.stdout
    for row, words in (("raises", "the loss is not a number"), ("exits", "exit 3"), ("dies", "SIGKILL")):
        for seed in (0, 1):
            assert status(app, f"{row}/seed{seed}")["state"] == "failed"
            line = next(x for x in done.stdout.splitlines() if x.startswith(f"failed: {row} seed {seed}"))
            assert words in line
            assert str(app / "runs" / row / f"seed{seed}" / "log.txt") in done.stdout
    assert "Traceback" in (app / "runs/raises/seed0/log.txt").read_text()

    (app / "mended").touch()
    again = sweep(app, "row=raises,H1", "seed=0,1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert [starts(app, f"H1/seed{s}") for s in (0, 1)] == [1, 1]
    assert [starts(app, f"raises/seed{s}") for s in (0, 1)] == [2, 2]
    assert "2 done before" in again.stdout
    assert "resumes" in again.stdout


def test_runs_again_when_the_configuration_has_changed(app: Path) -> None:
    assert sweep(app, "seed=0,1").returncode == 0
    changed = sweep(app, "seed=0,1", "lr=0.2")
    assert changed.returncode == 0
    assert starts(app, "H1/seed0") == 2
    assert "the configuration has changed" in changed.stdout


def test_two_runs_of_one_folder_are_refused_before_any_starts(app: Path) -> None:
    refused = sweep(app, "lr=0.1,0.2")
    assert refused.returncode != 0
    assert "would both write to" in refused.stderr
    assert not (app / "runs").exists()


def test_runs_side_by_side_with_their_share_of_threads(app: Path) -> None:
    assert sweep(app, "seed=0,1", "sleep=3", "hydra.launcher.threads=3").returncode == 0
    assert (app / "runs/H1/seed0/starts").read_text() == "3\n"
    first, second = (status(app, f"H1/seed{s}")["time"] for s in (0, 1))
    assert isinstance(first, float)
    assert isinstance(second, float)
    assert abs(first - second) < 2.5, "one after the other"


def test_paths_and_values_survive_the_way_to_the_run(app: Path) -> None:
    folder = app / "with space, comma and = sign"
    done = sweep(app, "seed=0,1", f"runs='{folder}'", "+text='a,b=${row} c'")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "H1/seed1/result.json").exists()


def test_config_dir_of_the_user_reaches_the_run(app: Path) -> None:
    (app / "mine/rows").mkdir(parents=True)
    (app / "mine/rows/A.yaml").write_text("# @package _global_\nrow: A\n")
    (app / "mine/rows/B.yaml").write_text("# @package _global_\nrow: B\n")
    done = sweep(app, "+rows=glob(*)", "--config-dir=mine")
    assert done.returncode == 0, done.stdout + done.stderr
    assert starts(app, "A/seed0") == starts(app, "B/seed0") == 1


def test_fail_fast_leaves_the_rest(app: Path) -> None:
    done = sweep(app, "row=exits", "seed=0,1,2,3", "hydra.launcher.slots=1", "hydra.launcher.fail_fast=true")
    assert done.returncode == 1
    assert sum(starts(app, f"exits/seed{s}") for s in range(4)) == 1


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interruption_ends_the_children_and_says_how_to_go_on(app: Path, sign: signal.Signals) -> None:
    process = subprocess.Popen(
        command(app, "seed=0,1", "sleep=300"),
        cwd=app,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell's background jobs ignore Ctrl-C, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    running = [app / f"runs/H1/seed{s}/status.json" for s in (0, 1)]
    deadline = time.monotonic() + 30
    while not all(path.exists() for path in running) and time.monotonic() < deadline:
        time.sleep(0.1)
    children = [json.loads(path.read_text())["pid"] for path in running]
    process.send_signal(sign)
    output, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "the same command goes on" in output
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_a_closed_terminal_does_not_end_a_sweep_under_nohup(app: Path) -> None:
    process = subprocess.Popen(
        command(app, "seed=0,1", "sleep=2"),
        cwd=app,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    deadline = time.monotonic() + 30
    while not (app / "runs/H1/seed0/status.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert [status(app, f"H1/seed{seed}")["state"] for seed in (0, 1)] == ["done", "done"]


def test_a_refused_run_leaves_the_finished_one_as_it_is(app: Path) -> None:
    folder = app / "runs/refused/seed0"
    folder.mkdir(parents=True)
    old = {"state": "done", "config_hash": "of another configuration"}
    (folder / "status.json").write_text(json.dumps(old))
    done = sweep(app, "row=refused", "seed=0,1")
    assert done.returncode == 1
    assert "exit 1: error: this folder holds another run" in done.stdout
    assert status(app, "refused/seed0") == old
    assert status(app, "refused/seed1")["state"] == "failed"


def test_a_run_is_done_only_when_its_folder_says_so(app: Path) -> None:
    done = sweep(app, "row=silent,H1", "seed=0")
    assert done.returncode == 1
    assert "holds no result of this configuration" in done.stdout
    assert status(app, "silent/seed0")["state"] == "failed"
    assert status(app, "H1/seed0")["state"] == "done"


def test_a_preempted_run_is_stopped_not_failed_and_goes_on_next_time(app: Path) -> None:
    done = sweep(app, "row=preempted,H1", "seed=0")
    assert done.returncode == 1
    assert "stopped: preempted seed 0: interrupted by SIGTERM" in done.stdout
    assert status(app, "preempted/seed0")["state"] == "interrupted"
    assert starts(app, "H1/seed0") == 1
    assert "start   preempted seed 0 on cpu 0 (resumes)" in sweep(app, "row=preempted", "seed=0,1").stdout
