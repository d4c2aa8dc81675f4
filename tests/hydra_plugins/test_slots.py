"""Which environment each process of a sweep gets, on machines of every shape."""

from __future__ import annotations

import os

import pytest
import torch

from hydra_plugins.posereg_launcher import _slots
from posereg.errors import UserError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    def make(gpus: int, cores: int = 16, visible: str | None = None) -> None:
        monkeypatch.setattr(_slots, "gpu_count", lambda: gpus)
        monkeypatch.setattr(_slots, "cores", lambda: cores)
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return make


def devices(slots: list[_slots.Slot]) -> list[str]:
    return [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots]


def test_a_gpu_each_and_the_cores_shared(machine) -> None:
    machine(gpus=4)
    slots = _slots.find("auto")
    assert devices(slots) == ["0", "1", "2", "3"]
    assert {slot.environment["OMP_NUM_THREADS"] for slot in slots} == {"4"}


def test_the_users_own_choice_of_gpus_is_kept(machine) -> None:
    machine(gpus=2, visible="5,GPU-7")
    assert devices(_slots.find("auto")) == ["5", "GPU-7"]
    assert devices(_slots.find([1])) == ["GPU-7"]


def test_several_runs_a_gpu_go_to_different_gpus_first(machine) -> None:
    machine(gpus=2)
    assert devices(_slots.find("auto", jobs_per_device=2)) == ["0", "1", "0", "1"]


def test_several_gpus_a_run(machine) -> None:
    machine(gpus=5)
    assert devices(_slots.find("auto", devices_per_job=2)) == ["0,1", "2,3"]
    with pytest.raises(UserError, match="only 5 GPUs"):
        _slots.find("auto", devices_per_job=6)


@pytest.mark.parametrize(
    ("cores", "asked", "slots", "threads"), [(16, None, 4, "4"), (2, None, 1, "2"), (2, 2, 2, "1")]
)
def test_on_the_cpu(machine, cores: int, asked: int | None, slots: int, threads: str) -> None:
    machine(gpus=0, cores=cores)
    for wanted in ("auto", "cpu"):
        found = _slots.find(wanted, cpu_slots=asked)
        assert len(found) == slots
        assert {s.environment["OMP_NUM_THREADS"] for s in found} == {threads}
        assert set(devices(found)) == {""}


def test_the_users_thread_count_wins_over_ours_but_not_over_the_setting(
    machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(gpus=0)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert "OMP_NUM_THREADS" not in _slots.find("cpu")[0].environment
    assert _slots.find("cpu", threads=2)[0].environment["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize("wanted", [[2], "gpu", [0, -1], "cuda:0"])
def test_a_device_that_is_not_there(machine, wanted: object) -> None:
    machine(gpus=2)
    with pytest.raises(UserError, match="give auto, cpu or a list of indices"):
        _slots.find(wanted)


def test_no_slots_at_all(machine) -> None:
    machine(gpus=0)
    with pytest.raises(UserError, match="1 or more"):
        _slots.find("cpu", cpu_slots=0)


def test_cores_are_those_this_process_may_use() -> None:
    assert _slots.cores() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("devices", [(), ("/dev/null",)])
def test_gpus_are_those_that_torch_counts(monkeypatch: pytest.MonkeyPatch, devices: tuple[str, ...]) -> None:
    """Also where the machine has a device file of a GPU that torch cannot use."""
    if devices:
        monkeypatch.setattr(_slots, "GPU_DEVICES", devices)
    assert _slots.gpu_count() == torch.cuda.device_count()
