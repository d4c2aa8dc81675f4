"""What this machine has not got."""

from posereg.settings.hardware import hardware_problems


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
