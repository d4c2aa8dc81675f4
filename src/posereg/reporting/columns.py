"""Which metrics a table shows, and how they are named and compared."""

from __future__ import annotations

from collections.abc import Sequence

from posereg.results import Result

LOWER_IS_BETTER = ("MPJPE", "PA-MPJPE", "jitter", "miss", "inversion", "swap", "params", "macs")


def columns_of(result: Result) -> list[str]:
    """Metrics shown for a run: `report.columns` of its config, else the published ones, else the totals."""
    chosen = (result.get("config", {}).get("report") or {}).get("columns")
    if chosen:
        return list(chosen)
    metrics = result.get("metrics", {})
    return list(result.get("paper") or {}) or [name for name in metrics if "/" not in name][:6]


def united(columns: Sequence[Sequence[str]]) -> list[str]:
    """All names, in order of first mention."""
    return list(dict.fromkeys(name for names in columns for name in names))


def higher_is_better(name: str) -> bool:
    return not name.split("/")[0].split("@")[0].startswith(LOWER_IS_BETTER)
