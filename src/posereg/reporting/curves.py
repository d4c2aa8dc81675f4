"""Figures as SVG text or files: accuracy over the threshold (the papers' PCKh curves), ours against the paper,
training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from posereg.figures.canvas import COLORS, canvas, plain_numbers
from posereg.reporting.collect import Row, Table
from posereg.reporting.columns import COSTS
from posereg.reporting.learning import still_learning
from posereg.runs.metrics_csv import series


@dataclass(frozen=True)
class Style:
    """A row's line: `dash` as matplotlib takes line styles."""

    color: str
    dash: Any = "solid"


def styles(rows: Sequence[Row]) -> dict[str, Style]:
    """A row and its counterpart share a colour; the counterpart's line is dashed."""
    names = {row.name for row in rows}
    pairs = {row.name: row.compare_to for row in rows if row.compare_to in names}
    by_row: dict[str, Style] = {}
    colors = iter(COLORS * (len(rows) // len(COLORS) + 1))
    for row in rows:
        base = pairs.get(row.name) or row.name
        if base not in by_row:
            by_row[base] = Style(next(colors), (0, (4, 2)) if base in pairs.values() else "solid")
        if row.name != base:
            by_row[row.name] = Style(by_row[base].color)
    return by_row


def accuracy_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    line_styles: Mapping[str, Style] | None = None,
    label: str = "PCKh",
) -> Any:
    """Accuracy (percent) over the threshold, one line per run or row: Figure 3 of the integral paper for any runs."""
    line_styles = line_styles or {name: Style(COLORS[k % len(COLORS)]) for k, name in enumerate(curves)}
    with canvas(7.2, 4.4) as (figure, axes):
        for name, (thresholds, values) in curves.items():
            axes.plot(
                thresholds,
                values,
                color=line_styles[name].color,
                linestyle=line_styles[name].dash,
                lw=1.8,
                label=name,
            )
        axes.set_xlabel(f"threshold α of {label}@α")
        axes.set_ylabel(f"{label} (%)")
        axes.set_xlim(0, max(max(thresholds) for thresholds, _ in curves.values()))
        axes.set_ylim(0, 100)
        figure.legend(frameon=False, loc="outside right upper", handlelength=2.6)
    return figure


def metric_label(table: Table) -> str:
    """`PCKh` of `PCKh@0.5`: what the curve's axis is called."""
    return next((name.partition("@")[0] for name in table.columns if "@" in name), "accuracy")


def row_curves(table: Table) -> dict[str, tuple[list[float], list[float]]]:
    """The mean curve over seeds of every row that has one."""
    by_row = {}
    for row in table.run_rows:
        curves = [run.result.get("curve") or {} for run in row.runs]
        if all(curve.get("values") for curve in curves):
            values = np.mean([curve["values"] for curve in curves], axis=0)
            by_row[row.name] = (curves[0]["thresholds"], values.tolist())
    return by_row


def against_paper(table: Table) -> Any | None:
    """One panel per metric: our seeds and their mean as filled dots, the published number as a ring."""
    rows = table.run_rows
    if table.published or table.papers_data:
        return None
    columns = [
        c
        for c in table.columns
        if c not in COSTS and any(row.mean(c) is not None and c in row.paper for row in rows)
    ]
    if not columns:
        return None
    line_styles = styles(rows)
    with canvas(3.4 * len(columns), 0.42 * len(rows) + 1.1, len(columns)) as (figure, panels):
        for axes, column in zip(np.atleast_1d(panels), columns, strict=True):
            for place, row in enumerate(rows):
                mean, paper, color = row.mean(column), row.paper.get(column), line_styles[row.name].color
                values = row.values(column)
                if mean is not None and paper is not None:
                    axes.plot([mean, paper], [place, place], color=color, lw=1.2, alpha=0.35)
                axes.plot(values, [place] * len(values), "o", ms=3.5, color=color, alpha=0.35, mew=0)
                axes.plot(
                    [mean] if mean is not None else [],
                    [place] if mean is not None else [],
                    "o",
                    ms=7,
                    color=color,
                )
                if paper is not None:
                    axes.plot([paper], [place], "o", ms=7, mfc="white", mec=color, mew=1.4)
            axes.set_title(column, loc="left")
            axes.set_yticks(range(len(rows)), [row.name for row in rows])
            axes.set_ylim(len(rows) - 0.4, -0.6)
            axes.margins(x=0.08)
            axes.grid(axis="y", visible=False)
            axes.tick_params(axis="y", labelleft=axes is np.atleast_1d(panels)[0])
    return figure


def training_curves(table: Table) -> Any | None:
    """Training and (thin) validation loss and the first validation metric over epochs, mean over seeds, from each
    run's metrics.csv; the metric's curve ends in a dot, or in an arrow where a seed still learned."""
    rows = table.run_rows
    logged = {row.name: [run.curves for run in row.runs] for row in rows}
    names = {name for runs in logged.values() for lines in runs for line in lines for name in line}
    metric = next((f"val/{column}" for column in table.columns if f"val/{column}" in names), None)
    wanted = [name for name in ("train/loss", metric) if name and name in names]
    if not wanted:
        return None
    line_styles, rising = styles(rows), still_learning(table)
    with canvas(5.0 * len(wanted), 3.4, len(wanted)) as (figure, panels):
        for axes, name in zip(np.atleast_1d(panels), wanted, strict=True):
            for row in rows:
                epochs, mean = _mean_series([series(lines, name) for lines in logged[row.name]])
                style = line_styles[row.name]
                axes.plot(epochs, mean, color=style.color, linestyle=style.dash, lw=1.5, label=row.name)
                if not name.endswith("loss"):
                    axes.plot(
                        epochs[-1:], mean[-1:], "^" if row.name in rising else "o", color=style.color, ms=5
                    )
                elif "val/loss" in names:
                    axes.plot(*_mean_series([series(lines, "val/loss") for lines in logged[row.name]]),
                              color=style.color, linestyle=style.dash, lw=0.7)  # fmt: skip
            axes.set_title(name, loc="left")
            axes.set_xlabel("epoch")
            if name.endswith("loss"):
                axes.set_yscale("log")
                plain_numbers(axes.yaxis)
        handles, labels = np.atleast_1d(panels)[-1].get_legend_handles_labels()
        figure.legend(handles, labels, frameon=False, loc="outside right upper", handlelength=2.6)
    return figure


def _mean_series(runs: Sequence[tuple[list[float], list[float]]]) -> tuple[list[float], list[float]]:
    values: dict[float, list[float]] = {}
    for xs, ys in runs:
        for x, y in zip(xs, ys, strict=True):
            values.setdefault(x, []).append(y)
    epochs = sorted(values)
    return epochs, [float(np.mean(values[epoch])) for epoch in epochs]
