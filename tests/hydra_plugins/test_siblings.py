"""The pool and rows that start from other rows: who waits for whom, and what becomes of them when one fails."""

import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from hydra_plugins.posereg_launcher import _jobs
from hydra_plugins.posereg_launcher._jobs import Job
from hydra_plugins.posereg_launcher._local import start
from hydra_plugins.posereg_launcher._rows import Rows
from hydra_plugins.posereg_launcher._siblings import connect
from hydra_plugins.posereg_launcher._slots import Slot
from posereg import config as configs
from posereg.runs import folder as runs

TABLE = "+experiments/integral/table2="
# A run: notes when it started and ended, takes a moment, writes what a run writes. `FAIL` in its folder: it fails.
RUN = """
import pathlib, sys, time
from posereg.runs import folder as runs
folder, digest, log = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
def note(what):
    with open(log, "a") as file: file.write(f"{what} {folder.parent.name}\\n")
note("start")
runs.write_status(folder, "running", config_hash=digest)
while (folder / "HOLD").exists(): time.sleep(0.05)
if (folder / "FAIL").exists(): raise SystemExit("error: the disk is gone")
(folder / runs.RESULT).write_text("{}")
runs.write_status(folder, "done", config_hash=digest)
note("end")
"""


class Quiet:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def queued(self, job: Job) -> None:
        self.seen.append(("queued", job.row))

    def started(self, job: Job) -> None:
        self.seen.append(("start", job.row))

    def finished(self, job: Job) -> None:
        self.seen.append((job.state, job.row))

    def tick(self) -> None:
        pass


class Sweep:
    def __init__(self, folder: Path, *commands: list[str]) -> None:
        self.log = folder / "log"
        self.rows = [
            self.job(k, [*overrides, "data=synthetic", "trainer=demo", f"runs={folder}"])
            for k, overrides in enumerate(commands)
        ]
        _jobs.mark_finished(self.rows)
        self.extra = connect(self.rows, "train", self.unknown)
        for job in (*self.rows, *self.extra):
            job.command = [sys.executable, "-c", RUN, str(job.directory), job.config_hash, str(self.log)]
        self.watcher = Quiet()

    def job(self, number: int, overrides: list[str]) -> Job:
        plain = configs.plain(configs.compose(overrides))
        return Job(
            number=number,
            row=plain["row"],
            seed=plain["seed"],
            directory=runs.run_dir(plain),
            config_hash=runs.config_hash(plain),
            command=[],
            config=plain,
            overrides=overrides,
        )

    def unknown(self, overrides: Sequence[str], directory: Path) -> list[str]:
        return []

    def run(self, slots: int = 2) -> list[str]:
        jobs = [*self.rows, *self.extra]
        _jobs.run(Rows(iter(jobs), len(jobs)), [Slot(f"cpu {k}") for k in range(slots)], start, self.watcher)
        return self.log.read_text().splitlines() if self.log.exists() else []

    def states(self) -> dict[str, str]:
        return {job.row: job.state for job in (*self.rows, *self.extra)}


def mark(job: Job, what: str) -> None:
    job.directory.mkdir(parents=True, exist_ok=True)
    (job.directory / what).touch()


@pytest.mark.parametrize("order", [["H1", "I1"], ["I1", "H1"]])
@pytest.mark.parametrize("slots", [1, 2])
def test_a_row_starts_when_its_sibling_is_done_wherever_that_stands(
    tmp_path: Path, order: list[str], slots: int
):
    sweep = Sweep(tmp_path, *([f"{TABLE}{row}"] for row in order))
    assert sweep.extra == []
    assert sweep.run(slots) == ["start H1", "end H1", "start I1", "end I1"]


def test_rows_that_wait_take_no_slot(tmp_path: Path):
    sweep = Sweep(tmp_path, [f"{TABLE}I1"], [f"{TABLE}I2"], [f"{TABLE}H1"], [f"{TABLE}R1"])
    sweep.run(slots=3)
    assert sweep.watcher.seen[:3] == [("start", "H1"), ("start", "H2"), ("start", "R1")]
    assert set(sweep.states().values()) == {"done"}


def test_what_others_wait_for_is_started_first(tmp_path: Path):
    sweep = Sweep(tmp_path, [f"{TABLE}R1"], [f"{TABLE}I1"], [f"{TABLE}H2"])
    started = [line for line in sweep.run(slots=1) if line.startswith("start")]
    assert started == ["start H1", "start R1", "start I1", "start H2"]


def test_a_sibling_outside_the_sweep_is_trained_once(tmp_path: Path):
    sweep = Sweep(tmp_path, ["method=I1", "row=one"], ["method=I1", "row=two", "method.beta=2"])
    assert [job.row for job in sweep.extra] == ["H1"]
    lines = sweep.run()
    assert lines[:2] == ["start H1", "end H1"]
    assert sorted(lines) == ["end H1", "end one", "end two", "start H1", "start one", "start two"]


def test_differently_tuned_siblings_do_not_fight(tmp_path: Path):
    rate = "method.optimizer.lr="
    sweep = Sweep(
        tmp_path,
        ["method=I1", "row=a", f"{rate}7e-4"],
        ["method=I1", "row=b", f"{rate}2e-5"],
        ["method=I1", "row=c", "flip_test=true"],
        ["method=I1", "row=d"],
    )
    assert len({job.directory for job in sweep.extra}) == 4
    sweep.run()
    assert set(sweep.states().values()) == {"done"}


def test_what_is_a_rows_own_does_not_leak_into_its_sibling(tmp_path: Path):
    sweep = Sweep(tmp_path, *([f"{TABLE}{row}", "method.joint_weight=32"] for row in ("H2", "I2")))
    (plain,) = sweep.extra
    assert plain.row.startswith("H2-"), "the sweep's H2 was asked to have that weight"
    assert sweep.rows[1].needs == [plain]
    swept = Sweep(tmp_path / "other", [f"{TABLE}H2"], [f"{TABLE}I2", "method.joint_weight=32"])
    assert swept.extra == []
    assert swept.rows[1].needs == [swept.rows[0]]


def test_a_sibling_done_before_holds_nobody_up_and_an_interrupted_one_goes_on(tmp_path: Path):
    first = Sweep(tmp_path, [f"{TABLE}H1"])
    first.run()
    again = Sweep(tmp_path, [f"{TABLE}I1"])
    assert again.extra == []
    assert again.run() == ["start H1", "end H1", "start I1", "end I1"]

    held = Sweep(tmp_path, [f"{TABLE}I2"]).extra[0]
    runs.write_status(held.directory, "interrupted", config_hash=held.config_hash)
    (resumed,) = Sweep(tmp_path, [f"{TABLE}I2"]).extra
    assert resumed.directory == held.directory


def test_a_failing_sibling_fails_what_needs_it_with_one_line_each(tmp_path: Path):
    sweep = Sweep(tmp_path, [f"{TABLE}I1"], [f"{TABLE}H1"], [f"{TABLE}R1"])
    mark(sweep.rows[1], "FAIL")
    sweep.run(slots=1)
    assert sweep.states() == {"I1": "failed", "H1": "failed", "R1": "done"}
    assert sweep.rows[0].note == "needs H1 seed 0, which failed"
    assert sweep.rows[1].note == "exit 1: error: the disk is gone"
    assert not sweep.rows[0].directory.exists(), "it never started"


def test_a_sibling_killed_while_others_wait(tmp_path: Path):
    sweep = Sweep(tmp_path, [f"{TABLE}I1"], [f"{TABLE}H1"])
    mark(sweep.rows[1], "HOLD")

    def kill() -> None:
        while not (sweep.rows[1].directory / runs.STATUS).exists():
            time.sleep(0.05)
        assert sweep.rows[1].process is not None
        sweep.rows[1].process.end(signal.SIGKILL)

    threading.Thread(target=kill).start()
    sweep.run()
    assert sweep.states() == {"I1": "failed", "H1": "failed"}
    assert "SIGKILL" in sweep.rows[1].note
    (sweep.rows[1].directory / "HOLD").unlink()
    again = Sweep(tmp_path, [f"{TABLE}I1"], [f"{TABLE}H1"])
    again.run()
    assert set(again.states().values()) == {"done"}


def test_rows_in_a_circle_fail_and_the_others_run(tmp_path: Path):
    folder = tmp_path / "mine/method"
    folder.mkdir(parents=True)
    for name, other in (("A", "B"), ("B", "A")):
        (folder / f"{name}.yaml").write_text(f"defaults: [H1, _self_]\nname: {name}\npretrain: {other}\n")
    with configs.config_folders([str(tmp_path / "mine")]):
        sweep = Sweep(tmp_path / "runs", ["method=A"], ["method=R1"])
    assert "A -> B -> A" in sweep.rows[0].note
    sweep.run()
    assert sweep.states() == {"A": "failed", "R1": "done"}
