"""A run's identity, and the lock of its folder: with flock, and on file systems that have none."""

import errno
import fcntl
import os
import subprocess
import sys
import textwrap

import pytest

from nobody import without_rights
from posereg import config as configs
from posereg.errors import UserError
from posereg.runs import folder as runs

HOLD = """
    import sys, time
    import fcntl
    from posereg.runs import folder as runs
    def missing(*_):
        raise OSError(int(sys.argv[2]), "no locks here")
    if sys.argv[2] != "0":
        fcntl.flock = missing
    with runs.lock(sys.argv[1]) as waited:
        print("held", waited, flush=True)
        time.sleep(float(sys.argv[3]))
"""


def hold(folder, number=0, seconds=60.0):
    """A process that holds the lock; `number` is the error that its flock gives, 0 for none."""
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(folder), str(number), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("held")
    return process


def without_flock(monkeypatch, number):
    def missing(*_):
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", missing)


@pytest.mark.parametrize("number", [0, errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_second_process_waits_and_is_told_so(tmp_path, monkeypatch, number):
    holder = hold(tmp_path, number, seconds=1.5)
    if number:
        without_flock(monkeypatch, number)
    with runs.lock(tmp_path) as waited:
        assert waited
        assert holder.wait(10) == 0
    with runs.lock(tmp_path) as waited:
        assert not waited


@pytest.mark.parametrize("number", [0, errno.ENOSYS, errno.ENOLCK])
def test_the_lock_of_a_killed_process_is_free(tmp_path, monkeypatch, number):
    holder = hold(tmp_path, number)
    holder.kill()
    holder.wait()
    if number:
        without_flock(monkeypatch, number)
    with runs.lock(tmp_path, patience=20):
        pass


def test_patience_ends_in_one_line(tmp_path):
    holder = hold(tmp_path)
    with pytest.raises(UserError, match="stayed locked"), runs.lock(tmp_path, patience=0.2):
        pass
    holder.kill()
    holder.wait()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot lock"), runs.lock(tmp_path / "file" / "run"):
        pass
    assert os.listdir(tmp_path) == ["file"]


def test_a_runs_folder_that_may_not_be_written_is_one_line(tmp_path):
    tmp_path.chmod(0o555)
    with (
        without_rights(),
        pytest.raises(UserError, match=r"cannot lock .*: Permission denied"),
        runs.lock(tmp_path),
    ):
        pass
    with (
        without_rights(),
        pytest.raises(UserError, match=r"cannot lock .*: Permission denied"),
        runs.lock(tmp_path / "mpii/single/H1/seed0"),
    ):
        pass


def digest(*overrides):
    return runs.config_hash(configs.plain(configs.compose(["method=R1", "batch_size=32", *overrides])))


def test_how_many_devices_share_a_batch_is_not_what_a_run_is():
    assert (
        len({digest(), digest("trainer.devices=2"), digest("trainer.devices=4", "trainer.num_nodes=2")}) == 1
    )
    assert digest("loader.batch_size=16") != digest()
    assert digest("trainer.sync_batchnorm=true", "trainer.devices=2") != digest("trainer.devices=2")


def test_a_setting_that_came_later_leaves_earlier_runs_what_they_are():
    now = configs.plain(configs.compose(["method=R1"]))
    before = {**now, "trainer": {k: v for k, v in now["trainer"].items() if k not in runs.LATER_TRAINER}}
    assert runs.config_hash(before) == runs.config_hash(now)


def test_that_people_are_cut_out_decides_a_runs_numbers_and_where_they_lie_does_not():
    def identity(**loader):
        return runs.identity({"loader": {"input_size": [64, 64], **loader}})

    assert identity(cache=None) == identity()
    assert identity(cache="/a") == identity(cache="/b") != identity()
