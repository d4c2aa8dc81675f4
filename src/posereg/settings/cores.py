"""How many processor cores are this process's, and how many of them read its pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

SHARE = "POSEREG_CORES"  # of a run whose sweep runs others beside it
MOST_WORKERS = 16  # more read pictures faster than any network of the suite takes them
CGROUPS = Path("/sys/fs/cgroup")


def cores(folder: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """The cores that this process may use: what it is bound to (taskset, Slurm), what its container or service may
    take of them (cgroups), and its share of a sweep's; at least one.

    Args:
        folder, own: where Linux tells of cgroups, and of the one that this process is in.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get(SHARE, "")
    limits = [math.ceil(quota) for quota in _quotas(folder, own)]
    limits += [int(share)] if share.isdecimal() else []
    return max(1, min([bound, *limits]))


def workers(asked: int | Literal["auto"]) -> int:
    """Worker processes of a loader: as many as asked for, and `auto` one for each core of this process but the one that
    trains. Processes of one run on one machine (torchrun) share its cores."""
    if asked != "auto":
        return asked
    beside = os.environ.get("LOCAL_WORLD_SIZE", "")
    own = cores() // max(1, int(beside)) if beside.isdecimal() else cores()
    return min(MOST_WORKERS, max(0, own - 1))


def _quotas(folder: Path, own: Path) -> Iterator[float]:
    """Cores that the cgroups about this process allow, from its own one up; both versions of cgroups."""
    try:
        entries = [line.split(":", 2) for line in own.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return
    for _, controllers, path in (entry for entry in entries if len(entry) == 3):
        if controllers and "cpu" not in controllers.split(","):
            continue
        place = Path(path.lstrip("/"))
        for inner in (place, *place.parents):
            if controllers:
                quota = _number(folder / "cpu" / inner / "cpu.cfs_quota_us", 0)
                period = _number(folder / "cpu" / inner / "cpu.cfs_period_us", 0)
            else:
                quota = _number(folder / inner / "cpu.max", 0)
                period = _number(folder / inner / "cpu.max", 1)
            if quota and period and quota > 0 and period > 0:
                yield quota / period


def _number(file: Path, place: int) -> float | None:
    """A number of a file; None where there is none (`max`)."""
    try:
        return float(file.read_text(encoding="ascii").split()[place])
    except (OSError, ValueError, IndexError):
        return None
