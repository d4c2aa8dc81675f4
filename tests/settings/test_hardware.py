"""What this machine has not got."""

import pytest

from posereg.settings.hardware import device_count, hardware_problems


def told(monkeypatch, gpus, **trainer):
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    return [problem.key for problem in hardware_problems(trainer)]


def test_gpus(monkeypatch):
    assert told(monkeypatch, 0, accelerator="gpu") == ["trainer.accelerator"]
    assert told(monkeypatch, 1, accelerator="gpu", devices=1) == []
    assert told(monkeypatch, 1, accelerator="cuda", devices=[1]) == ["trainer.devices"]
    assert told(monkeypatch, 0, accelerator="mps") == ["trainer.accelerator"]


def test_half_precision_needs_a_gpu(monkeypatch):
    assert told(monkeypatch, 0, accelerator="auto", precision="16-mixed") == ["trainer.precision"]
    assert told(monkeypatch, 1, accelerator="auto", precision="16-mixed") == []
    assert told(monkeypatch, 0, accelerator="cpu", precision="bf16-mixed") == []


@pytest.mark.parametrize(
    ("trainer", "count"),
    [
        ({}, 1),
        ({"devices": 2}, 2),
        ({"devices": [0, 3]}, 2),
        ({"devices": -1}, 4),
        ({"devices": "auto"}, 4),
        ({"devices": "auto", "accelerator": "cpu"}, 1),
    ],
)
def test_a_process_for_each_device(monkeypatch, trainer, count):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    assert device_count(trainer) == count


def test_statistics_of_the_whole_batch_need_gpus(monkeypatch):
    both = {"sync_batchnorm": True, "devices": 2}
    assert told(monkeypatch, 0, accelerator="cpu", **both) == ["trainer.sync_batchnorm"]
    assert told(monkeypatch, 2, accelerator="gpu", **both) == []
    assert told(monkeypatch, 0, accelerator="cpu", sync_batchnorm=True) == []
