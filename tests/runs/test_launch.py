"""A run on several devices of this machine, by the command line alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posereg.errors import UserError
from posereg.runs import folder as runs
from posereg.runs import launch
from tiny import overrides

STEADY = "+trainer.callbacks.steady={_target_:ranks.Steady}"
OFTEN = "trainer.checkpoint_minutes=0.0001"


def begin(folder, *more, **variables):
    given = overrides("mpii", folder, "method=R1", "schedule.warmup=0", STEADY, OFTEN, *more)
    given = list({text.partition("=")[0]: text for text in given}.values())
    path = os.pathsep.join([str(Path(__file__).parents[1] / "support"), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "posereg.cli.main", "train", *given],
        env={**os.environ, "PYTHONPATH": path, **variables}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def status(folder):
    (path,) = folder.rglob("status.json")
    return json.loads(path.read_text())


def test_the_process_that_was_killed_is_the_reason(tmp_path):
    """The others end because of it, with codes of their own."""
    runs.write_status(tmp_path, "interrupted", config_hash="abc")
    with pytest.raises(UserError, match="process 2 of this run's 2 was killed by SIGKILL") as error:
        launch._end({0: 1, 1: -9}, 2, tmp_path, "abc")
    assert error.value.exit_code == 137
    assert runs.read_status(tmp_path)["state"] == "failed"
    with pytest.raises(SystemExit) as end:
        launch._end({0: 2, 1: 2}, 2, tmp_path, "abc")
    assert end.value.code == 2
    with pytest.raises(SystemExit) as end:
        launch._end({0: -signal.SIGTERM, 1: 1}, 2, tmp_path, "abc")
    assert end.value.code == 1


def test_a_finished_run_stays_finished(tmp_path):
    runs.write_status(tmp_path, "done", config_hash="abc")
    with pytest.raises(UserError):
        launch._end({1: -9}, 2, tmp_path, "abc")
    assert runs.read_status(tmp_path)["state"] == "done"


@pytest.mark.slow
def test_a_run_that_was_cut_on_two_devices_goes_on_with_one(tmp_path):
    process = begin(tmp_path, "trainer.devices=2", TEST_KILL="1@3")
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 137, output
    assert "error: process 2 of this run's 2 was killed by SIGKILL (out of memory?)" in output
    assert status(tmp_path)["state"] == "failed"
    assert "killed by SIGKILL" in status(tmp_path)["error"]

    process = begin(tmp_path)
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 0, output
    assert "going on from" in output


@pytest.mark.slow
def test_a_signal_reaches_all_processes_and_none_stays_behind(tmp_path):
    process = begin(tmp_path, "trainer.devices=2", "trainer.epochs=1000")
    for line in process.stdout:
        if line.startswith("epoch 1/"):
            break
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 143, output
    assert status(tmp_path)["state"] == "interrupted"
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    assert checkpoint.stat().st_size
    time.sleep(0.5)
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path) in _text(path)]
    assert not left


def _text(path):
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:  # the process has just ended
        return ""
