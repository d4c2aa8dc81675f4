"""The pool itself: start a process per slot, watch them, go on past failures."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from hydra_plugins.posereg_launcher._slots import Slot
from posereg.errors import Interrupted, UserError
from posereg.runs import folder as runs

POLL_SECONDS = 0.1
GRACE_SECONDS = 30.0  # for the step that is running and its checkpoint
_ERROR_LINE = re.compile(r"^(error: |[\w.]*(Error|Exception|Interrupt|Exit)\b)")


@dataclass(eq=False)
class Job:
    """One run. `state`: waiting, running, done, skipped (was done before), failed or stopped.

    Attributes:
        needs: the runs whose results it starts from; it waits for them without a slot.
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
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    seconds: float = 0.0
    log_start: int = 0
    needs: list[Job] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.row if self.seed is None else f"{self.row} seed {self.seed}"

    @property
    def log(self) -> Path:
        return self.directory / runs.LOG


class Watcher(Protocol):
    def started(self, job: Job) -> None: ...
    def finished(self, job: Job) -> None: ...
    def tick(self) -> None: ...


def check_folders(jobs: Sequence[Job]) -> None:
    """
    Raises:
        UserError: two jobs share a folder, so one would overwrite the other.
    """
    owner: dict[Path, Job] = {}
    for job in jobs:
        if (other := owner.setdefault(job.directory, job)) is not job:
            raise UserError(
                f"runs #{other.number} and #{job.number} of the sweep would both write to {job.directory}: "
                "put what you sweep over into row= or run_dir="
            )


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


def run(jobs: Sequence[Job], slots: Sequence[Slot], watcher: Watcher, fail_fast: bool = False) -> None:
    """Runs the waiting jobs, one per slot at a time, those that others wait for first.

    Raises:
        KeyboardInterrupt, Interrupted: Ctrl-C or a termination signal; all children have been ended before.
    """
    needed = {id(other) for job in jobs for other in job.needs}
    waiting = sorted((job for job in jobs if job.state == "waiting"), key=lambda job: id(job) not in needed)
    running: list[Job] = []
    free = list(slots)
    try:
        with _termination_interrupts():
            while waiting or running:
                for job in _doomed(waiting):
                    waiting.remove(job)
                    watcher.finished(job)
                for job in [job for job in waiting if _is_ready(job)][: len(free)]:
                    waiting.remove(job)
                    running.append(job)
                    _start(job, free.pop(0))
                    watcher.started(job)
                for job in [job for job in running if job.process and job.process.poll() is not None]:
                    running.remove(job)
                    free += [job.slot] if job.slot else []
                    _finish(job)
                    watcher.finished(job)
                    if fail_fast and job.state == "failed":
                        for rest in waiting:
                            rest.state, rest.note = "stopped", ""
                        waiting = []
                watcher.tick()
                time.sleep(POLL_SECONDS)
    finally:
        _end(running)
        for job in [*running, *waiting]:
            job.state = "stopped"


def _is_ready(job: Job) -> bool:
    return all(other.state in ("done", "skipped") for other in job.needs)


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


def _start(job: Job, slot: Slot) -> None:
    job.directory.mkdir(parents=True, exist_ok=True)
    job.state, job.slot, job.started = "running", slot, time.monotonic()
    with open(job.log, "ab") as log:
        job.log_start = log.tell()
        # Its own session: Ctrl-C reaches only the pool, and killing the group also ends loader workers and ranks.
        job.process = subprocess.Popen(
            job.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **slot.environment},
            start_new_session=True,
        )


def _finish(job: Job) -> None:
    assert job.process is not None
    code = job.process.returncode
    job.seconds = time.monotonic() - job.started
    if code == 0 and runs.is_done(job.directory, job.config_hash):
        job.state, job.note = "done", ""
        return
    status = runs.read_status(job.directory)
    if code > 128 and status is not None and status.get("state") == "interrupted":
        job.state, job.note = "stopped", str(status.get("error"))
    else:
        job.state, job.note = "failed", failure(job, code)
    with suppress(ProcessLookupError, PermissionError):  # processes that it left behind still hold the device
        os.killpg(job.process.pid, signal.SIGKILL)
    # A run that was refused leaves the finished one in its folder as it is; a killed one could not say so itself.
    if status is None or status.get("state") == "running":
        runs.write_status(job.directory, state="failed", config_hash=job.config_hash, error=job.note)


def failure(job: Job, code: int) -> str:
    """Why it failed, in one line: the signal, or the last line of the log that looks like an error."""
    if code == 0:
        return (
            f"it ended without a word of failure, but {job.directory} holds no result of this configuration"
        )
    if code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    lines = [line for line in log_tail(job).splitlines() if line.strip()]
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


def _end(running: Sequence[Job]) -> None:
    """Asks the children to end, waits, then kills."""
    processes = [job.process for job in running if job.process is not None]
    for sign, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        for process in processes:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, sign)
        limit = time.monotonic() + patience
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, limit - time.monotonic()))


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """SIGTERM and SIGHUP end the sweep as Ctrl-C does; otherwise the children would stay behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
