"""Progress of a training: a line an epoch in a file, with what the epoch measured and which phase it is in."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from posereg.training import progress
from posereg.training.progress import Bars, PlainProgress, progress_callbacks


def trainer(epoch: int = 2, epochs: int | None = 140, **metrics: float) -> Any:
    values = {name.replace("_", "/", 1): torch.tensor(value) for name, value in metrics.items()}
    return SimpleNamespace(
        current_epoch=epoch, max_epochs=epochs, callback_metrics=values, num_training_batches=40,
        lightning_module=torch.nn.Module(),
    )  # fmt: skip


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_bars_for_people_and_lines_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal, kind in ((True, Bars), (False, PlainProgress)):
        monkeypatch.setattr("sys.stdout.isatty", lambda terminal=terminal: terminal, raising=False)
        (made,) = progress_callbacks()
        assert type(made) is kind


def test_the_line_of_an_epoch(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    line, running = PlainProgress(), trainer(train_loss=0.01234567, val_AUC=61.2, epoch_time=3.0)
    line.on_train_epoch_start(running, torch.nn.Module())
    clock[0] += 12.4
    line.on_train_epoch_end(running, torch.nn.Module())
    assert capsys.readouterr().out == "epoch 3/140  train/loss 0.01235  val/AUC 61.2  12 s\n"
    line.on_train_epoch_end(trainer(epochs=-1), torch.nn.Module())
    assert capsys.readouterr().out.startswith("epoch 3  ")


def test_within_a_long_epoch_a_line_every_half_minute(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    line, running = PlainProgress(), trainer()
    line.on_train_epoch_start(running, torch.nn.Module())
    for batch in range(8):
        clock[0] += 10
        line.on_train_batch_end(running, torch.nn.Module(), None, None, batch)
    assert capsys.readouterr().out.splitlines() == [
        "epoch 3/140  step 4/40  15h19m left",
        "epoch 3/140  step 8/40  15h18m left",
    ]


def test_the_time_left_stands_at_the_end_of_a_line(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    line, running = PlainProgress(), trainer(epoch=0, epochs=2, train_loss=1.0)
    line.on_train_epoch_start(running, torch.nn.Module())
    for batch in range(40):
        clock[0] += 1
        line.on_train_batch_end(running, torch.nn.Module(), None, None, batch)
    line.on_train_epoch_end(running, torch.nn.Module())
    # The pace is known from the second batch on; 31 s after the start 49 batches of 80 are left.
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1/2  step 31/40  49s left",
        "epoch 1/2  train/loss 1  40 s  40s left",
    ]


def test_the_bar_shows_the_last_epoch_and_the_time_left(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("on_train_batch_end", "on_train_epoch_end"):
        monkeypatch.setattr(progress.RichProgressBar, name, lambda *arguments: None)
    monkeypatch.setattr(progress.RichProgressBar, "get_metrics", lambda *arguments: {"v_num": 1})
    bars, running, module = Bars(), trainer(epoch=0, epochs=2, val_AUC=61.2), torch.nn.Module()
    assert bars.get_metrics(running, module) == {"v_num": 1}
    for batch in range(2):
        clock[0] += 1
        bars.on_train_batch_end(running, module, None, None, batch)
    bars.on_train_epoch_end(running, module)
    assert bars.get_metrics(running, module) == {"v_num": 1, "left": "1m18s", "val/AUC": "61.2"}


def test_a_silenced_process_says_nothing(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    line, running = PlainProgress(), trainer(train_loss=1.0)
    line.disable()
    line.on_train_epoch_end(running, torch.nn.Module())
    assert capsys.readouterr().out == ""
    line.enable()
    line.on_train_epoch_end(running, torch.nn.Module())
    assert "train/loss 1" in capsys.readouterr().out


def test_the_phase_stands_behind_the_epoch_and_losses_that_rest_are_left_out(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "label", lambda module: "regression 2/3")
    monkeypatch.setattr(progress, "idle_losses", lambda module: {"detector"})
    line = PlainProgress()
    line.on_train_epoch_end(trainer(train_detector=1.0, train_regressor=2.0), torch.nn.Module())
    assert capsys.readouterr().out.startswith("epoch 3/140  regression 2/3  train/regressor 2  ")
