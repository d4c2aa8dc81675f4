"""The rows of a sweep, read one by one: the first ones run while the others are still composed and checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from hydra_plugins.posereg_launcher._jobs import Job, mark_finished
from posereg.errors import UserError
from posereg.runs.siblings import needed

WAIT_SECONDS = 0.05
Check = Callable[[list[dict[str, Any]], Callable[[list[list[str]]], None]], None]


class Rows:
    """Reads rows until there are none; `read` goes on where it stopped.

    Attributes:
        jobs: those that were read, and the runs that they need beside; a job is held until it is known to be right
            and what it waits for.
        failed: those that were refused since somebody last looked.
        left: how many are not read.
    """

    def __init__(
        self,
        made: Iterable[Job],
        count: int,
        known: Callable[[dict[str, Any]], list[str] | None] = lambda config: [],
        check: Check | None = None,
        wait: Callable[[float], None] | None = None,
        connecting: Callable[[list[Job], list[Job]], Iterator[None]] | None = None,
    ) -> None:
        """
        Args:
            made: the rows, each composed when it is asked for.
            known: what is wrong with a resolved config, None where this process cannot say.
            check: asks a process that can, and calls back with its answer; wait: lets that happen for some seconds.
            connecting: gives rows what they wait for and appends what nobody swept over (`_siblings.connecting`).
        """
        self.jobs: list[Job] = []
        self.failed: list[Job] = []
        self.left = count
        self._made, self._known, self._connecting = made, known, connecting
        self._check_all, self._wait = check, wait
        self._owner: dict[Path, Job] = {}
        self._unchecked: list[Job] = []
        self._asked: list[Job] = []
        self._steps = self._all()
        self.complete = False

    def begin(self, seconds: float) -> None:
        """Read rows for so much processor time, so that a mistake in a sweep of ordinary size is told before anything
        is started."""
        limit = time.process_time() + seconds
        while self.left and time.process_time() < limit:
            next(self._steps)
        self.read(WAIT_SECONDS)

    def read(self, seconds: float) -> bool:
        """Read for about so long; whether all is read."""
        limit = time.monotonic() + seconds
        while not self.complete and time.monotonic() < limit:
            self.complete = next(self._steps, self) is self
        return self.complete

    def drop(self) -> None:
        """Read nothing more."""
        self.complete = True

    def _all(self) -> Iterator[None]:
        """
        Raises:
            UserError: two rows share a folder, so one would overwrite the other.
        """
        for job in self._made:
            self.left -= 1
            if (other := self._owner.setdefault(job.directory, job)) is not job:
                raise UserError(
                    f"runs #{other.number} and #{job.number} of the sweep would both write to {job.directory}: "
                    "put what you sweep over into row= or run_dir="
                )
            self.jobs.append(job)
            self._check(job)
            yield
        while self._unchecked or self._asked:
            self._ask(WAIT_SECONDS)
            yield
        if self._connecting is None:
            return
        extra: list[Job] = []
        held = [job for job in self.jobs if job.held]
        for _ in self._connecting(self.jobs, extra):
            self.jobs += extra
            extra.clear()
            yield
        for job in held:
            job.held = False
            self._note(job)

    def _check(self, job: Job) -> None:
        mistakes = self._known(job.config)
        if mistakes is not None:
            self._checked(job, mistakes)
        else:
            job.held = True
            self._unchecked.append(job)
            self._ask()

    def _ask(self, patience: float = 0.0) -> None:
        """Ask about all that came in while the last question was answered."""
        assert self._check_all is not None
        assert self._wait is not None
        if self._unchecked and not self._asked:
            self._asked, self._unchecked = self._unchecked, []
            self._check_all([job.config for job in self._asked], self._answered)
        self._wait(patience)

    def _answered(self, mistakes: list[list[str]]) -> None:
        asked, self._asked = self._asked, []
        for job, its in zip(asked, mistakes, strict=True):
            self._checked(job, its)

    def _checked(self, job: Job, mistakes: list[str]) -> None:
        job.held = self._connecting is not None and bool(needed(job.config))
        if mistakes:
            job.state, job.note = "failed", " ".join(f"config: {' '.join(mistakes)}".split())
        mark_finished([job])
        self._note(job)

    def _note(self, job: Job) -> None:
        if job.state == "failed":
            self.failed.append(job)
