"""What the benchmarks share: processor time of both sides by turns, and how the figures are said."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path


def machine() -> str:
    """The processor, and the cores that there are."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    name = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.machine())
    return f"{name}, {os.cpu_count()} cores"


def milliseconds(call: Callable[[], object], times: int = 1) -> float:
    """Processor time of this process for one call, the mean of `times`."""
    start = time.process_time()
    for _ in range(times):
        call()
    return 1000 * (time.process_time() - start) / times


def compare(
    what: str,
    before: Callable[[], object],
    now: Callable[[], object],
    repeats: int,
    times: int = 1,
    per: int = 1,
) -> float:
    """Print both sides' medians in milliseconds (of each of the `per` things that a call does), and the median of the
    ratios with its spread; returns that median. The sides take turns; the first round warms up and does not count."""
    pairs = [(milliseconds(before, times), milliseconds(now, times)) for _ in range(repeats + 1)][1:]
    ratios = [old / new for old, new in pairs]
    old, new = (statistics.median(side) / per for side in zip(*pairs, strict=True))
    print(
        f"{what}: before {old:.4g} ms, now {new:.4g} ms; ratio {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
    )
    return statistics.median(ratios)


def peak() -> str:
    """The most memory that this process has held."""
    return f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
