"""The runs of a sweep: each started where there is room, watched to its end, and none held up by another's failure."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from hydra_plugins.posereg_launcher._slots import Slot
from posereg.errors import Interrupted, UserError
from posereg.runs import folder as runs

POLL_SECONDS = 0.1
GRACE_SECONDS = 30.0  # for the step that is running and its checkpoint
SETTLE_SECONDS = 30.0  # until a network file system shows here what a run wrote on another machine
NOT_THE_RUNS = ("srun: ", "slurmstepd")  # Slurm's own lines in a run's log
_ERROR_LINE = re.compile(r"^(error: |[\w.]*(Error|Exception|Interrupt|Exit)\b)")


class Process(Protocol):
    """A run on its way: a process of this machine, a task of Ray's, a job of Slurm's.

    Attributes:
        name: under which its queue knows it; empty on this machine, where nothing is queued.
        reason: why it was lost, where that is no exit code of its own.
    """

    name: str
    reason: str

    def place(self) -> str | None:
        """Where it runs; None while it is queued."""

    def poll(self) -> int | None:
        """Its exit code, negative for a signal that killed it; None while it has not ended."""

    def end(self, number: int) -> None:
        """Tell it to end: SIGTERM, so that it may write a checkpoint, or SIGKILL."""


Start = Callable[["Job", Slot], Process]


@dataclass(eq=False)
class Job:
    """One run. `state`: waiting (for siblings or a slot), queued (by Ray or Slurm), running, done, skipped (was done
    before), failed or stopped.

    Attributes:
        needs: the runs whose results it starts from; it waits for them without a slot.
        place: where it runs.
        held: not known yet whether it is right and what it waits for.
        started, seconds: when it last started, and how long it has run.
        config, overrides: resolved, and the command behind it.
    """

    number: int
    row: str
    seed: int | None
    directory: Path
    config_hash: str
    command: list[str]
    state: str = "waiting"
    note: str = ""
    slot: Slot | None = None
    place: str = ""
    process: Process | None = None
    held: bool = False
    started: float = 0.0
    ended: float = 0.0
    seconds: float = 0.0
    log_start: int = 0
    needs: list[Job] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.row if self.seed is None else f"{self.row} seed {self.seed}"

    @property
    def short_name(self) -> str:
        """`H1-s0`, for lists with narrow columns."""
        return self.row if self.seed is None else f"{self.row}-s{self.seed}"

    @property
    def log(self) -> Path:
        return self.directory / runs.LOG


class Watcher(Protocol):
    def queued(self, job: Job) -> None: ...
    def started(self, job: Job) -> None: ...
    def finished(self, job: Job) -> None: ...
    def tick(self) -> None: ...


def mark_finished(jobs: Sequence[Job]) -> None:
    """Skips what is done under the same configuration, and notes what has begun or has changed."""
    for job in jobs:
        status = runs.read_status(job.directory) if job.state == "waiting" else None
        if status is None:
            continue
        if runs.is_done(job.directory, job.config_hash):
            job.state, job.note = "skipped", "done before"
        elif status.get("config_hash") == job.config_hash:
            job.note = "resumes"
        else:
            job.note = "the configuration has changed"


class Reading(Protocol):
    """Jobs that are still being read (`_rows.Rows`)."""

    @property
    def jobs(self) -> list[Job]: ...
    @property
    def failed(self) -> list[Job]: ...
    def read(self, seconds: float) -> bool: ...
    def drop(self) -> None: ...


def run(
    rows: Reading, slots: Sequence[Slot], start: Start, watcher: Watcher, fail_fast: bool = False
) -> None:
    """Runs the waiting jobs, one per slot at a time, those that others wait for first, and reads on meanwhile.

    Raises:
        KeyboardInterrupt, Interrupted: Ctrl-C or a termination signal; all runs have been ended before.
    """
    going: list[Job] = []
    free = list(slots)
    try:
        with _termination_interrupts():
            complete = rows.read(0.0)
            while not complete or going or _waiting(rows):
                refused, rows.failed[:] = list(rows.failed), []
                waiting = _waiting(rows)
                for job in [*refused, *_doomed(waiting)]:
                    watcher.finished(job)
                for job in [job for job in waiting if _is_ready(job)][: len(free)]:
                    going.append(job)
                    _send(job, free.pop(0), start)
                    if job.process is not None and job.process.name:
                        watcher.queued(job)
                for job in list(going):
                    if not _follow(job, watcher):
                        continue
                    going.remove(job)
                    free += [job.slot] if job.slot else []
                    watcher.finished(job)
                    if fail_fast and job.state == "failed":
                        rows.drop()
                        for rest in _waiting(rows):
                            rest.state, rest.note = "stopped", ""
                watcher.tick()
                before = time.monotonic()
                complete = rows.read(POLL_SECONDS)
                time.sleep(max(0.0, POLL_SECONDS - (time.monotonic() - before)))
    finally:
        _end(going)
        for job in [*going, *_waiting(rows)]:
            job.state = "stopped"


def _waiting(rows: Reading) -> list[Job]:
    """What has not been started, what others wait for first."""
    waiting = [job for job in rows.jobs if job.state == "waiting"]
    needed = {id(other) for job in waiting for other in job.needs}
    return sorted(waiting, key=lambda job: id(job) not in needed)


def _is_ready(job: Job) -> bool:
    return job.state == "waiting" and not job.held and all(o.state in ("done", "skipped") for o in job.needs)


def _doomed(waiting: Sequence[Job]) -> list[Job]:
    """Ends the waiting jobs one of whose siblings has no result, in turn those that wait for them; returns them."""
    ended: list[Job] = []
    while True:
        for job in (job for job in waiting if job not in ended):
            lost = next((other for other in job.needs if other.state in ("failed", "stopped")), None)
            if lost is not None:
                job.state = lost.state
                job.note = f"needs {lost.name}, which {'failed' if lost.state == 'failed' else 'was stopped'}"
                ended.append(job)
                break
        else:
            return ended


def _send(job: Job, slot: Slot, start: Start) -> None:
    """Start or queue it; what refuses it fails this run alone."""
    job.directory.mkdir(parents=True, exist_ok=True)
    job.log_start = job.log.stat().st_size if job.log.exists() else 0
    job.state, job.slot = "queued", slot
    try:
        job.process = start(job, slot)
    except UserError as error:
        job.state, job.note = "failed", " ".join(str(error).split())


def _follow(job: Job, watcher: Watcher) -> bool:
    """Note where a run has got to; whether it is over."""
    if job.process is None:  # it was refused
        return True
    place = job.process.place()
    if job.state == "queued" and place is not None:
        job.state, job.place, job.started = "running", place, time.monotonic()
        watcher.started(job)
    if (code := job.process.poll()) is not None:
        return _has_finished(job, code)
    if job.state == "running" and place is None:  # its node was taken away; it goes on on another one
        job.seconds += time.monotonic() - job.started
        job.state, job.note = "queued", "resumes"
        watcher.queued(job)
    return False


def _has_finished(job: Job, code: int) -> bool:
    """Note how a run that ended did so; False while what it says of itself has not arrived yet."""
    assert job.process is not None
    done = code == 0 and runs.is_done(job.directory, job.config_hash)
    if code == 0 and not done and job.process.name:
        job.ended = job.ended or time.monotonic()
        if time.monotonic() < job.ended + SETTLE_SECONDS:
            return False
    if job.state == "running":
        job.seconds += (job.ended or time.monotonic()) - job.started
    if done:
        job.state, job.note = "done", ""
        return True
    status = runs.read_status(job.directory)
    if code > 128 and status is not None and status.get("state") == "interrupted":
        job.state, job.note = "stopped", str(status.get("error"))
    else:
        job.state, job.note = "failed", job.process.reason or failure(job, code)
    # A run that was refused leaves the finished one in its folder as it is; a killed one could not say so itself.
    if status is None or status.get("state") == "running":
        runs.write_status(job.directory, state="failed", config_hash=job.config_hash, error=job.note)
    return True


def failure(job: Job, code: int) -> str:
    """Why it failed, in one line: the signal, or the last line of the log that looks like an error."""
    if code == 0:
        return (
            f"it ended without a word of failure, but {job.directory} holds no result of this configuration"
        )
    if code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    lines = [
        line for line in log_tail(job).splitlines() if line.strip() and not line.startswith(NOT_THE_RUNS)
    ]
    errors = [line for line in lines if _ERROR_LINE.match(line)]
    return f"exit {code}: {(errors or lines or ['no output'])[-1].strip()}"


def log_tail(job: Job, size: int = 8192) -> str:
    """The end of what this attempt has written to its log."""
    try:
        with open(job.log, "rb") as file:
            file.seek(max(job.log_start, file.seek(0, os.SEEK_END) - size))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _end(going: Sequence[Job]) -> None:
    """Asks the runs to end, waits, then kills."""
    processes = [job.process for job in going if job.process is not None]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            process.end(number)
        limit = time.monotonic() + GRACE_SECONDS
        while (left := [one for one in processes if one.poll() is None]) and time.monotonic() < limit:
            time.sleep(POLL_SECONDS)
        processes = left


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """SIGTERM and SIGHUP end the sweep as Ctrl-C does; otherwise the children would stay behind. What nohup ignores
    stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    heard = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
