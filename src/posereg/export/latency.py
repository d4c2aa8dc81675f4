"""How long a model takes in each engine on this machine's CPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from posereg.export.engines import Runner

BATCHES = (1, 8)
_SECONDS, _LEAST, _MOST = 1.0, 5, 100


class Latency(NamedTuple):
    """Milliseconds a call by batch size, or why the engine did not run."""

    engine: str
    milliseconds: dict[int, float]
    failed: str = ""


def latency(engine: str, run: Runner, image: NDArray[Any]) -> Latency:
    """The median call, after two to warm up, of about a second of calls for each batch size.

    Args:
        image: one image (1, H, W, 3), repeated to a batch.
    """
    try:
        return Latency(engine, {batch: _median(run, np.repeat(image, batch, axis=0)) for batch in BATCHES})
    except Exception as error:  # whatever an engine stumbles over, the others are measured
        return Latency(engine, {}, f"{type(error).__name__}: {' '.join(str(error).split())[:80]}")


def table(rows: Sequence[Latency]) -> str:
    """Milliseconds a call, one engine a line."""
    title = f"CPU, {torch.get_num_threads()} threads"
    width = max(len(title), *(len(row.engine) for row in rows))
    lines = [title.ljust(width) + "".join(f"  batch {batch}, ms" for batch in BATCHES)]
    for row in rows:
        cells = row.failed and f"  {row.failed}"
        cells = cells or "".join(f"{row.milliseconds[batch]:>13.1f}" for batch in BATCHES)
        lines.append(row.engine.ljust(width) + cells)
    return "\n".join(lines)


def _median(run: Runner, image: NDArray[Any]) -> float:
    run(image), run(image)
    taken: list[float] = []
    end = time.perf_counter() + _SECONDS
    while len(taken) < _LEAST or (time.perf_counter() < end and len(taken) < _MOST):
        start = time.perf_counter()
        run(image)
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)
