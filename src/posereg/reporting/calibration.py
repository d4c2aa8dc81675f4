"""What the methods' confidences are worth: a table and the reliability curves of a table's rows, from result.json."""

from __future__ import annotations

from typing import Any

import numpy as np

from posereg.figures.canvas import INK, canvas
from posereg.reporting.collect import Row, Table
from posereg.reporting.curves import styles


def of_row(row: Row) -> dict[str, Any] | None:
    """`of`, `ECE` and `correlation` (mean over seeds, None where undefined) and the pooled curve `score`, `outcome`,
    all in percent; None where a run has none."""
    found = [run.result.get("calibration") for run in row.runs]
    if not found or not all(found):
        return None
    seeds = [each for each in found if each]
    bins: dict[int, list[tuple[float, float, int]]] = {}
    for each in seeds:
        for point in zip(each["score"], each["outcome"], each["counts"], strict=True):
            bins.setdefault(min(int(point[0] // 10), 9), []).append(point)
    curve = []
    for _, points in sorted(bins.items()):
        score, outcome, counts = np.array(points).T
        curve.append((np.average(score, weights=counts), np.average(outcome, weights=counts)))
    ranks = [each["correlation"] for each in seeds]
    return {
        "of": seeds[0]["of"],
        "ECE": float(np.mean([each["ECE"] for each in seeds])),
        "correlation": None if None in ranks else float(np.mean(ranks)),
        "score": [float(score) for score, _ in curve],
        "outcome": [float(outcome) for _, outcome in curve],
    }


def rows(table: Table) -> dict[str, dict[str, Any]]:
    """`of_row` of every row that has one."""
    return {row.name: found for row in table.run_rows if (found := of_row(row))}


def figure(table: Table) -> Any | None:
    """Outcome over score, one line a row, and the diagonal of confidences that mean what they say; None without any."""
    found, line_styles = rows(table), styles(table.run_rows)
    if not found:
        return None
    with canvas(7.2, 4.4) as (drawn, axes):
        axes.plot([0, 100], [0, 100], color=INK, lw=0.8, dashes=(2, 2))
        for name, row in found.items():
            style = line_styles[name]
            axes.plot(
                row["score"], row["outcome"], "o", ms=3.5, color=style.color, linestyle=style.dash, label=name
            )
        axes.set_xlabel("confidence (%)")
        axes.set_ylabel(f"{next(iter(found.values()))['of']} of joints of that confidence (%)")
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        drawn.legend(frameon=False, loc="outside right upper", handlelength=2.6)
    return drawn
