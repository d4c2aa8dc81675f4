"""Which metrics a table shows, and how they are named and compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from posereg.runs.results import Result

# Figures that no evaluator names in `Result.lower_is_better`: of networks and of error analysis, and those of results
# from before evaluators did.
LOWER_IS_BETTER = (
    "MPJPE",
    "PA-MPJPE",
    "jitter",
    "miss",
    "inversion",
    "swap",
    "loss",
    "ECE",
    "params",
    "macs",
    "activation_bytes",
    "latency_ms",
)

# Figures of the network, not of its accuracy: no intervals, no place beside the published accuracies.
COSTS = ("params", "macs", "activation_bytes", "images_per_s_batch1", "images_per_s_batch32", "latency_ms")


def columns_of(result: Result) -> list[str]:
    """Metrics shown for a run: `report.columns` of its config, else the published ones, else the totals.

    Where the first of them was not measured, the run was scored on a data set with another metric, and its
    own totals are shown: an AUC over other thresholds is not the published AUC.
    """
    chosen = (result.get("config", {}).get("report") or {}).get("columns") or list(result.get("paper") or {})
    if chosen and measured(result, chosen[0]):
        return list(chosen)
    return [name for name in result.get("metrics", {}) if "/" not in name][:6]


def measured(result: Result, name: str) -> bool:
    """Whether the run has that figure: a metric, or one of the network or the training."""
    parts = (result.get("metrics", {}), result.get("complexity", {}), result.get("training", {}))
    return any(name in part for part in parts)


def united(columns: Sequence[Sequence[str]]) -> list[str]:
    """All names, in order of first mention."""
    return list(dict.fromkeys(name for names in columns for name in names))


def said_lower(results: Iterable[Result]) -> frozenset[str]:
    """The metrics of which less is better, by the evaluators of these results."""
    return frozenset(name for result in results for name in result.get("lower_is_better", ()))


def higher_is_better(name: str, lower: Collection[str] = ()) -> bool:
    """Whether more of a metric (or of its parts, as `AP/medium`) is better; errors and costs are not.

    Args:
        lower: what `said_lower` gives for the results at hand.
    """
    metric = "ECE" if name == "confidence/ECE" else name.split("/")[0]
    return metric not in lower and not metric.split("@")[0].startswith(LOWER_IS_BETTER)
