"""Accuracy against cost: what a row's network takes for its figure, one panel a kind of cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from posereg.figures.canvas import canvas, plain_numbers
from posereg.reporting.collect import Table
from posereg.reporting.columns import COSTS
from posereg.reporting.curves import styles

# Figure of the network -> what its axis says, and the unit of that.
PANELS = {
    "macs": ("multiply-adds (G)", 1e9),
    "params": ("parameters (M)", 1e6),
    "latency_ms": ("latency of one image (ms)", 1.0),
}
APART = 1.05  # networks whose costs differ by less are the same network


def figure(table: Table) -> Any | None:
    """The first metric over multiply-adds, parameters and, where measured, latency, on logarithmic axes.

    Returns:
        None where the rows' networks cost the same, or fewer than two rows have the metric.
    """
    name = next((column for column in table.columns if column not in COSTS), None)
    if name is None:
        return None
    panels: dict[str, dict[str, tuple[float, float]]] = {}
    for cost in PANELS:
        points = {
            row.name: (x, y)
            for row in table.run_rows
            if (x := row.mean(cost)) and (y := row.mean(name)) is not None
        }
        costs = [x for x, _ in points.values()]
        if len(points) > 1 and max(costs) > APART * min(costs):
            panels[cost] = points
    if not panels:
        return None
    line_styles = styles(table.run_rows)
    with canvas(1.4 + 3.4 * len(panels), 3.6, len(panels)) as (drawn, axes):
        for place, (cost, points) in zip(np.atleast_1d(axes), panels.items(), strict=True):
            label, unit = PANELS[cost]
            for row, (x, y) in points.items():
                # A counterpart shares its row's colour, and is hollow where its line would be dashed.
                style = line_styles[row]
                face = style.color if style.dash == "solid" else "white"
                place.plot([x / unit], [y], "o", ms=8, mfc=face, mec=style.color, mew=1.6, label=row)
            place.set_xscale("log")
            place.margins(0.12)
            plain_numbers(place.xaxis)
            place.set_xlabel(label)
        np.atleast_1d(axes)[0].set_ylabel(
            name if table.higher_is_better(name) else f"{name} (lower is better)"
        )
        handles, labels = np.atleast_1d(axes)[0].get_legend_handles_labels()
        drawn.legend(handles, labels, frameon=False, loc="outside right upper")
    return drawn
