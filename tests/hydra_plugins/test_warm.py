"""The process that imports once and forks a run at a time: its runs end as processes of their own do."""

import os
import signal
import subprocess
import sys
import time

import pytest

from hydra_plugins.posereg_launcher import _warm
from hydra_plugins.posereg_launcher._slots import Slot
from posereg import config as configs
from posereg.errors import UserError
from posereg.settings.check import problems

pytestmark = pytest.mark.skipif(not _warm.available(), reason="forks on Linux only")
SLOT = Slot("cpu 0", {"OMP_NUM_THREADS": "1"})


def ended(run: _warm.Run) -> int | None:
    deadline = time.monotonic() + 300
    while run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return run.code


def test_runs_and_checks_as_processes_of_their_own(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("before\n")
    plain = configs.plain(configs.compose(["method=I1", "data.root=/nowhere", "trainer.accelerator=cpu"]))
    asked = [plain, {**plain, "batch_size": 0, "seed": -1}]
    told: list[list[list[str]]] = []
    with _warm.Warm() as warm:
        warm.check(asked, told.append)
        version = warm.run(["version"], SLOT, log)
        refused = warm.run(["train", "sede=1"], SLOT, tmp_path / "refused.txt")
        assert ended(version) == 0
        assert ended(refused) == 2
        slow = warm.run(["train", "--hydra-help"], SLOT, tmp_path / "slow.txt")
        slow.end(signal.SIGKILL)
        assert ended(slow) == -signal.SIGKILL
    assert told == [[problems(config) for config in asked]]
    assert log.read_text().startswith("before\nposereg ")
    assert "unknown key 'sede', did you mean 'seed'?" in (tmp_path / "refused.txt").read_text()


def test_a_killed_process_takes_its_runs_with_it(tmp_path):
    with _warm.Warm() as warm:
        run = warm.run(["version"], SLOT, tmp_path / "log.txt")
        assert warm._process is not None
        warm._process.kill()
        assert ended(run) == -signal.SIGKILL
        warm.check([], lambda mistakes: None)
        warm._process.kill()
        with pytest.raises(UserError, match="was killed"):
            warm.read(60.0)


def test_importing_touches_no_device_and_starts_no_thread():
    program = f"""
import torch
def asked(*arguments): raise SystemExit("a device was asked for")
torch._C._cuda_getDeviceCount = torch._C._cuda_init = torch.cuda.device_count = torch.cuda.is_available = asked
import importlib, os
for name in {_warm.MODULES}: importlib.import_module(name)
assert len(os.listdir("/proc/self/task")) == 1, "a thread does not survive a fork"
"""
    command, environment = [sys.executable, "-c", program], {**os.environ, **_warm.ONE_THREAD}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
