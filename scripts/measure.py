"""What the benchmarks share: processor time of sides that take turns, and the rows of docs/benchmarks.md.

Other work on the machine and its drifting speed hit both sides of a pair alike, so the ratio of the two is taken pair
by pair; what is said is the median of those ratios and the middle half of them. A script prints the machine, what its
sides do (the list in its docstring), and one table; `scripts/write_benchmarks.py` puts that into the page.
"""

from __future__ import annotations

import contextlib
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

COMPARED = ("what", "posereg", "beside it", "its cost", "times posereg's")
WHOLE = ("what", "cost", "memory", "of")
SCALED = ("what", "by", "sizes", "cost", "exponent")
Call = Callable[[], object]


def machine() -> str:
    """The processor, the cores that there are, and what runs on them."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    name = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.machine())
    versions = {"Python": platform.python_version(), "NumPy": version("numpy"), "torch": version("torch")}
    versions["OpenCV"] = version("opencv-python-headless")
    return f"{name}, {os.cpu_count()} cores; " + ", ".join(
        f"{of} {number}" for of, number in versions.items()
    )


def begin(doc: str | None, columns: Sequence[str] = COMPARED) -> None:
    """The machine, the list of a script's docstring, and the head of its table."""
    assert doc is not None
    listed = [part for part in doc.split("\n\n") if part.startswith("- ")]
    print(f"{machine()}\n\n" + "".join(f"{part.strip()}\n\n" for part in listed), end="")
    row(*columns)
    row(*["---"] * len(columns))


def row(*cells: str) -> None:
    """A line of a table."""
    print(f"| {' | '.join(cells)} |", flush=True)


def milliseconds(call: Call, times: int = 1) -> float:
    """Processor time of this process for one call, the mean of `times`."""
    start = time.process_time()
    for _ in range(times):
        call()
    return 1000 * (time.process_time() - start) / times


def take_turns(sides: Mapping[str, Call], repeats: int, times: int = 1) -> dict[str, list[float]]:
    """Milliseconds of each side in each round; the first round warms up and does not count."""
    rounds = [{name: milliseconds(side, times) for name, side in sides.items()} for _ in range(repeats + 1)]
    return {name: [one[name] for one in rounds[1:]] for name in sides}


def against(
    what: str, ours: Call, others: Mapping[str, Call], repeats: int, times: int = 1, per: int = 1
) -> None:
    """Rows of one thing beside each of the others, in turns; costs are of each of the `per` things a call does."""
    taken = take_turns({"": ours, **others}, repeats, times)
    rows(what, {name: [value / per for value in values] for name, values in taken.items()})


def rows(what: str, taken: Mapping[str, Sequence[float]]) -> None:
    """A row for each side but the first, which is posereg's; milliseconds of all rounds by side."""
    (_, ours), *others = taken.items()
    if not others:
        row(what, spent(statistics.median(ours)), "", "", "")
    for name, values in others:
        costs = (spent(statistics.median(side)) for side in (ours, values))
        ratios = [other / own for own, other in zip(ours, values, strict=True)]
        row(what, next(costs), name, next(costs), spread(ratios))


def compare(what: str, before: Call, now: Call, repeats: int, times: int = 1, per: int = 1) -> None:
    """A row of something as it was before and as it is now."""
    against(what, now, {"as it was before": before}, repeats, times, per)


def spent(ms: float) -> str:
    """Milliseconds in the unit that fits, three digits: `850 ns`, `3.20 µs`, `41.0 ms`, `1.53 s`."""
    for unit, size in (("s", 1e3), ("ms", 1.0), ("µs", 1e-3)):
        if ms >= size:
            return f"{digits(ms / size)} {unit}"
    return f"{digits(ms * 1e6)} ns"


def digits(value: float) -> str:
    """Three digits, more before the point: `0.97`, `2.10`, `38.0`, `1240`."""
    return f"{value:.{min(2, max(0, 2 - math.floor(math.log10(value))))}f}" if value > 0 else f"{value:g}"


def spread(ratios: Sequence[float]) -> str:
    """Their median, and in brackets the quartiles; the least and the largest of fewer than four."""
    low, high = min(ratios), max(ratios)
    if len(ratios) >= 4:
        low, _, high = statistics.quantiles(ratios, method="inclusive")
    middle = digits(statistics.median(ratios))
    return middle if len(ratios) == 1 else f"{middle} ({digits(low)} to {digits(high)})"


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The power of the size that costs grow by: the slope of a line through their logarithms, by least squares."""
    fit = statistics.linear_regression(*([math.log(value) for value in side] for side in (sizes, costs)))
    return fit.slope


def grows(what: str, by: str, calls: Mapping[int, Call], repeats: int, times: int = 1) -> None:
    """A row of something at several sizes, in turns, with the exponent that its cost grows by."""
    taken = take_turns({str(size): call for size, call in calls.items()}, repeats, times)
    grown(what, by, {int(size): values for size, values in taken.items()})


def grown(what: str, by: str, taken: Mapping[int, Sequence[float]], base: float = 0.0) -> None:
    """A row of what was measured at several sizes, milliseconds of all rounds by size; the exponent is that of what
    goes beyond `base`."""
    costs = [statistics.median(values) for values in taken.values()]
    power = f"{exponent(list(taken), [cost - base for cost in costs]):.2f}"
    row(what, by, ", ".join(f"{size:,}" for size in taken), ", ".join(map(spent, costs)), power)


def whole(what: str, costs: Sequence[tuple[float, float]], of: str) -> None:
    """A row of something that was done in a process of its own: medians of seconds and of megabytes."""
    seconds, megabytes = (statistics.median(values) for values in zip(*costs, strict=True))
    row(what, spent(1000 * seconds), f"{megabytes:.0f} MB", of)


def one_thread() -> None:
    """Leave one thread to the libraries that would take more."""
    with contextlib.suppress(ImportError):
        import cv2

        cv2.setNumThreads(0)
    with contextlib.suppress(ImportError):
        import torch

        torch.set_num_threads(1)
