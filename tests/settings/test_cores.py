"""Cores of a process: bindings, containers and sweeps."""

import os
import subprocess
import sys

import pytest

from posereg.settings import cores as module
from posereg.settings.cores import cores, workers


def cgroup(folder, own, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "self").write_text(own)
    return cores(folder, folder / "self")


@pytest.fixture(autouse=True)
def eight(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.delenv(module.SHARE, raising=False)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/", {"cpu.max": "max 100000\n"}, 8),
        ("0::/", {"cpu.max": "250000 100000\n"}, 3),
        ("0::/a/b", {"cpu.max": "max 100000", "a/cpu.max": "200000 100000", "a/b/cpu.max": "max 1"}, 2),
        ("0::/a", {"a/cpu.max": "9900000 100000"}, 8),
        ("0::/a", {"a/cpu.max": "1000 100000"}, 1),
        (
            "4:cpu,cpuacct:/x\n3:memory:/",
            {"cpu/x/cpu.cfs_quota_us": "400000", "cpu/x/cpu.cfs_period_us": "100000"},
            4,
        ),
        ("4:cpu:/x", {"cpu/x/cpu.cfs_quota_us": "-1", "cpu/x/cpu.cfs_period_us": "100000"}, 8),
        ("nonsense", {"cpu.max": "broken"}, 8),
    ],
)
def test_the_smallest_limit_about_the_process_counts(tmp_path, own, files, expected):
    assert cgroup(tmp_path, own, files) == expected


def test_a_run_of_a_sweep_has_its_share(tmp_path, monkeypatch):
    monkeypatch.setenv(module.SHARE, "3")
    assert cores(tmp_path, tmp_path / "none") == 3


@pytest.mark.parametrize(
    ("count", "beside", "expected"), [(1, "", 0), (2, "", 1), (8, "", 7), (64, "", 16), (8, "4", 1)]
)
def test_auto_leaves_one_core_for_the_training(monkeypatch, count, beside, expected):
    monkeypatch.setattr(module, "cores", lambda: count)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", beside)
    assert workers("auto") == expected
    assert workers(5) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="Linux binds processes to cores")
def test_a_process_that_is_bound_to_one_core_has_one():
    program = """
import os
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
from posereg.settings.cores import cores
print(cores())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
