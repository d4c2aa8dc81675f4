"""The time left of a sweep: the share of a training from its log, and the work left over the slots."""

from pathlib import Path

import pytest

from hydra_plugins.posereg_launcher import _left
from hydra_plugins.posereg_launcher._jobs import Job
from hydra_plugins.posereg_launcher._left import Forecast, trained


@pytest.mark.parametrize(
    ("log", "share"),
    [
        ("", 0.0),
        ("loading\nepoch 1/4  train/loss 0.1  3 s\n", 0.25),
        ("epoch 1/4  train/loss 0.1  3 s\nepoch 2/4  step 5/10  12s left\n", 0.375),
        ("epoch 2/4  regression 2/3  step 5/10\n", 0.375),
        ("epoch 4/4  train/loss 0.1  3 s\nsaved\n", 1.0),
        ("epoch 3  train/loss 0.1\n", 0.0),
    ],
)
def test_the_share_that_a_log_tells_of(log: str, share: float) -> None:
    assert trained(log) == share


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [1000.0]
    monkeypatch.setattr(_left.time, "monotonic", lambda: time[0])
    return time


def job(folder: Path, number: int, state: str = "waiting", **more: float) -> Job:
    made = Job(number, f"row{number}", 0, folder / str(number), "", [], state=state)
    made.directory.mkdir()
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_the_rest_is_shared_by_the_slots(tmp_path: Path, now: list[float]) -> None:
    jobs = [job(tmp_path, k, "running", started=1000.0) for k in range(2)]
    jobs += [job(tmp_path, k) for k in range(2, 6)]
    forecast = Forecast(jobs, 2)
    assert forecast.left() is None  # nothing is known yet
    now[0] += 20
    for running in jobs[:2]:
        running.log.write_text("epoch 1/5  train/loss 0.1  20 s\n")
    # Each of six runs takes 100 seconds, two at a time; 20 seconds of the first two are over.
    assert forecast.left() == pytest.approx(280.0)
    now[0] += 10
    assert forecast.left() == pytest.approx(270.0)


def test_what_is_done_tells_of_what_waits(tmp_path: Path, now: list[float]) -> None:
    jobs = [
        job(tmp_path, 0, "done", seconds=60.0),
        job(tmp_path, 1, "running", started=990.0),
        job(tmp_path, 2),
    ]
    assert Forecast(jobs, 1).left() == pytest.approx(110.0)
    assert Forecast(jobs, 8).left() == pytest.approx(55.0)
    jobs[1].state = jobs[2].state = "done"
    assert Forecast(jobs, 1).left() is None


def test_never_less_than_the_longest_run(tmp_path: Path, now: list[float]) -> None:
    jobs = [
        job(tmp_path, 0, "done", seconds=10.0),
        job(tmp_path, 1, "running", started=900.0),
        job(tmp_path, 2),
    ]
    jobs[1].log.write_text("epoch 1/10  train/loss 0.1  100 s\n")
    assert Forecast(jobs, 2).left() == pytest.approx(900.0)
