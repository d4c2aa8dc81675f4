"""Reading the rows of a sweep while the first of them run."""

import time
from pathlib import Path

import pytest

from hydra_plugins.posereg_launcher import _jobs
from hydra_plugins.posereg_launcher._jobs import Job
from hydra_plugins.posereg_launcher._local import start
from hydra_plugins.posereg_launcher._rows import Rows
from hydra_plugins.posereg_launcher._slots import Slot
from posereg.errors import UserError


class Checker:
    """Answers one question after the other, some time after it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.waiting: list[tuple[list[dict], object]] = []

    def check(self, configs, then):
        self.asked.append(len(configs))
        self.waiting.append((configs, then))

    def wait(self, patience):
        if patience and self.waiting:
            configs, then = self.waiting.pop(0)
            then([["seed: no"] if config["seed"] == 3 else [] for config in configs])


class Seen:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def queued(self, job):
        self.lines.append(f"queued {job.seed}")

    def started(self, job):
        self.lines.append(f"start {job.seed}")

    def finished(self, job):
        self.lines.append(f"{job.state} {job.seed}")

    def tick(self):
        pass


def job(folder: Path, seed: int) -> Job:
    config = {"seed": seed, "method": {}, "init_weights": None}
    return Job(seed, "H1", seed, folder / str(seed), "digest", ["false"], config=config)


def test_a_row_runs_while_later_ones_are_read(tmp_path):
    lines: list[str] = []

    def made():
        for seed in range(4):
            lines.append(f"read {seed}")
            yield job(tmp_path, seed)
            time.sleep(0.2)

    seen = Seen()
    seen.lines = lines
    _jobs.run(Rows(made(), 4), [Slot("a")], start, seen)
    assert lines.index("start 0") < lines.index("read 3")
    assert [line for line in lines if line.startswith("failed")] == [f"failed {k}" for k in range(4)]


def test_what_is_not_known_is_held_until_it_is_checked(tmp_path):
    checker = Checker()
    known = {0: [], 1: ["seed: unlucky"]}
    jobs = (job(tmp_path, seed) for seed in range(5))
    rows = Rows(jobs, 5, lambda config: known.get(config["seed"]), checker.check, checker.wait)
    for _ in range(5):
        next(rows._steps)
    assert rows.left == 0
    assert [one.held for one in rows.jobs] == [False, False, True, True, True]
    assert [one.state for one in rows.jobs] == ["waiting", "failed", "waiting", "waiting", "waiting"]
    while not rows.read(0.1):
        pass
    assert checker.asked == [1, 2], "all that came in meanwhile is one question"
    assert not any(one.held for one in rows.jobs)
    assert [one.seed for one in rows.failed] == [1, 3]
    assert rows.jobs[3].note == "config: seed: no"


def test_rows_that_need_others_are_held_until_all_are_read(tmp_path):
    jobs = [job(tmp_path, seed) for seed in range(3)]
    jobs[0].config["method"]["pretrain"] = "H1"

    def connecting(rows, extra):
        assert len(rows) == 3
        rows[0].state, rows[0].note = "failed", "no such row"
        extra.append(job(tmp_path, 9))
        yield

    rows = Rows(iter(jobs), 3, connecting=connecting)
    assert next(rows._steps, "end") != "end"
    assert jobs[0].held
    while not rows.read(0.1):
        pass
    assert [one.held for one in jobs] == [False, False, False]
    assert [one.seed for one in rows.jobs] == [0, 1, 2, 9]
    assert rows.failed == [jobs[0]]


def test_rows_of_one_folder_are_refused(tmp_path):
    rows = Rows(iter([job(tmp_path, 0), job(tmp_path, 1), job(tmp_path, 0)]), 3)
    with pytest.raises(UserError, match=r"runs #0 and #0 .* both write to"):
        rows.begin(10.0)
