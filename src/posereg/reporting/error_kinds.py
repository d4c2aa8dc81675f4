"""Stacked bars of the error kinds, one bar per predictions file: Figure 4 of the ART paper for any runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posereg.errors import UserError
from posereg.figures.canvas import INK, canvas
from posereg.records.predictions import load
from posereg.reporting.collect import Table
from posereg.reporting.scored import scored_people

# From the nearest miss to the farthest; colours of Okabe and Ito.
STACK = {"jitter": "#56B4E9", "inversion": "#E69F00", "swap": "#CC79A7", "miss": "#555555"}

# Panel -> what result.json calls the file: the three qualities of ART's Table 4.
FILES = {
    "regression": "predictions_regression",
    "heat map": "predictions_heatmap",
    "final": "predictions",
}


def error_bars(panels: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Any:
    """One panel per quality (regression, heat map, final ...) with one bar per run, in percent of the labelled joints.

    Args:
        panels: title -> run -> metrics with the shares `jitter`, `inversion`, `swap` and `miss`, as
            `evaluation.errors.evaluate` gives them.

    Returns:
        a matplotlib figure, for `curves.save` (png, svg) or `curves.svg`.
    """
    most = max(len(runs) for runs in panels.values())
    top = max(_total(metrics) for runs in panels.values() for metrics in runs.values())
    with canvas(1.2 + len(panels) * (0.9 + 0.75 * most), 3.6, len(panels)) as (figure, axes):
        for place, (title, runs) in zip(np.atleast_1d(axes), panels.items(), strict=True):
            names, bottom = list(runs), np.zeros(len(runs))
            for kind, color in STACK.items():
                height = np.array([_share(metrics, kind) for metrics in runs.values()])
                place.bar(names, height, 0.62, bottom=bottom, color=color, label=kind)
                for k, value in enumerate(height):
                    if value > 0.05 * top:
                        ink = "white" if kind == "miss" else INK
                        place.text(
                            k,
                            bottom[k] + value / 2,
                            f"{value:.1f}",
                            ha="center",
                            va="center",
                            color=ink,
                            fontsize=8,
                        )
                bottom += height
            for k, value in enumerate(bottom):
                place.text(
                    k,
                    value + 0.015 * top,
                    f"{value:.1f}",
                    ha="center",
                    va="bottom",
                    fontsize=8.5,
                    weight="bold",
                )
            place.set_title(title, loc="left")
            place.set_ylim(0, 1.12 * top if top else 1)
            place.grid(axis="x", visible=False)
        np.atleast_1d(axes)[0].set_ylabel("labelled joints (%)")
        handles, labels = np.atleast_1d(axes)[0].get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], frameon=False, loc="outside right upper")
    return figure


def figure(table: Table, root: Path | None = None) -> Any | None:
    """The bars of a table of COCO or CrowdPose runs: a panel for each quality that was kept, mean over seeds.

    Args:
        root: the folder of the data set; None: where its config says.

    Returns:
        None for other data, or where predictions or annotations are gone.
    """
    from posereg.evaluation.keypoint_errors import shares

    runs = [run for row in table.run_rows for run in row.runs]
    if not runs or "AP" not in runs[0].result["metrics"]:
        return None
    try:
        poses = scored_people(runs[0], root)
        panels: dict[str, dict[str, dict[str, float]]] = {}
        for title, name in FILES.items():
            for row in table.run_rows:
                per_run = [
                    shares(poses, load(file))
                    for run in row.runs
                    if (file := run.own_file(run.result.get("files", {}).get(name)))
                ]
                if per_run:
                    mean = {kind: float(np.nanmean([one[kind] for one in per_run])) for kind in STACK}
                    panels.setdefault(title, {})[row.name] = mean
    except UserError:
        return None
    return error_bars(panels)


def _share(metrics: Mapping[str, float], kind: str) -> float:
    value = metrics[kind]
    return 0.0 if np.isnan(value) else float(value)


def _total(metrics: Mapping[str, float]) -> float:
    return sum(_share(metrics, kind) for kind in STACK)
