"""How fast a device trains: stated by the user, or measured by runs that are done."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from posereg.errors import UserError
from posereg.planning.amount import processes
from posereg.planning.cost import TRAINING_FLOPS
from posereg.runs import results
from posereg.runs.results import Result

Rate = Callable[[Mapping[str, Any]], float]  # a run's config -> operations a second of one device


def stated(teraflops: float) -> Rate:
    """The same rate for every run, from TFLOP/s."""
    return lambda config: teraflops * 1e12


def measured(folders: Sequence[Path]) -> tuple[Rate, float]:
    """The rates of finished runs: a row's own, else that of its method, else that of all; each the median.

    Returns:
        The rate, and its median over all runs in TFLOP/s.

    Raises:
        UserError: no run below the folders tells how fast it trained.
    """
    rates: dict[tuple[str, ...], list[float]] = {}
    for folder in folders:
        for _, result in results.find(folder):
            rate = _rate(result)
            if rate:
                for key in _keys(result["config"]):
                    rates.setdefault(key, []).append(rate)
    if not rates:
        named = ", ".join(map(str, folders))
        raise UserError(f"measured={named}: no finished run there has trained, so none tells how fast")

    def of(config: Mapping[str, Any]) -> float:
        return statistics.median(next(rates[key] for key in _keys(config) if key in rates))

    return of, statistics.median(rates[()]) / 1e12


def _keys(config: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """What a run's rate is looked up by, the closest first."""
    method = str(config["method"]["_target_"])
    return [(method, str(config.get("table")), str(config["row"])), (method,), ()]


def _rate(result: Result) -> float:
    """Operations a second of one device in training; 0 where the result does not say."""
    images, macs = result.get("training", {}).get("images_per_s"), result.get("complexity", {}).get("macs")
    config = result.get("config") or {}
    if not images or not macs or "trainer" not in config:
        return 0.0
    return float(images * macs * TRAINING_FLOPS / processes(config["trainer"]))
