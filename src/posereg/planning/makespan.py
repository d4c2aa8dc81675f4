"""How long runs take on several devices, as the pool deals them out: those that others wait for first."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from posereg.planning.sweep import Planned


def makespan(runs: Sequence[Planned], hours: Callable[[Planned], float], slots: int) -> float:
    """Hours until the last run is done.

    Args:
        runs: all of them, with what they need; those that are done take no time.
        hours: of each run.
        slots: runs at a time.
    """
    needed = {id(other) for run in runs for other in run.needs}
    waiting = sorted(runs, key=lambda run: id(run) not in needed)
    ended: set[int] = set()
    running: list[tuple[float, int, Planned]] = []
    now = 0.0
    while waiting or running:
        ready = [run for run in waiting if all(id(other) in ended for other in run.needs)]
        for run in ready[: slots - len(running)]:
            waiting.remove(run)
            heapq.heappush(running, (now + (0.0 if run.state == "done" else hours(run)), id(run), run))
        now, _, run = heapq.heappop(running)
        ended.add(id(run))
    return now
