"""How long the rest of a sweep will take, from what its runs write to their logs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from hydra_plugins.posereg_launcher._jobs import Job, log_tail
from posereg.terminal.duration import Pace

# Lines of posereg.training.progress.PlainProgress.
_LINE = re.compile(r"^epoch (\d+)/(\d+)(?:.*?  step (\d+)/(\d+))?", re.MULTILINE)


def trained(log: str) -> float:
    """The share of a training (0 to 1) that the last such line of a log tells of."""
    found = list(_LINE.finditer(log))
    if not found:
        return 0.0
    epoch, epochs, step, steps = (int(part or 0) for part in found[-1].groups())
    whole = epoch - 1 + step / steps if steps else epoch
    return min(1.0, whole / max(epochs, 1))


class Forecast:
    """The time left of a sweep's jobs on so many slots; None while no run has shown its pace."""

    def __init__(self, jobs: Sequence[Job], slots: int, unread: Callable[[], int] = int) -> None:
        self.jobs, self.slots, self.unread = jobs, slots, unread
        self._pace: dict[int, Pace] = {}
        self._seen: dict[int, tuple[float, float | None, float]] = {}  # share, time left then, when

    def share(self, job: Job) -> float:
        """How much of a running job is done, 0 to 1."""
        share = trained(log_tail(job))
        if job.number not in self._seen or self._seen[job.number][0] != share:
            pace = self._pace.setdefault(
                job.number, Pace((0.0, job.started) if job.note != "resumes" else None)
            )
            now = time.monotonic()
            self._seen[job.number] = share, pace.left(share, now), now
        return share

    def left(self) -> float | None:
        """Seconds until the last job ends: the work left over the slots, at least that of the longest run."""
        rests, totals = [], [job.seconds for job in self.jobs if job.state == "done"]
        now = time.monotonic()
        for job in (job for job in self.jobs if job.state == "running"):
            self.share(job)
            _, then, when = self._seen[job.number]
            if then is not None:
                rests.append(max(0.0, then - (now - when)))
                totals.append(now - job.started + rests[-1])
        if not totals:
            return None
        typical = sum(totals) / len(totals)
        for job in (job for job in self.jobs if job.state == "running" and self._seen[job.number][1] is None):
            rests.append(max(0.0, typical - (now - job.started)))
        queued = sum(job.state == "queued" for job in self.jobs)
        waiting = queued + sum(job.state == "waiting" for job in self.jobs) + self.unread()
        work = sum(rests) + typical * waiting
        # Runs are queued where no more than those that run find room.
        width = max(1, len(rests) if queued else min(self.slots, len(rests) + waiting))
        return max([work / width, *rests]) if rests or waiting else None
