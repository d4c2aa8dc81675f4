"""Matplotlib figures in one look, as SVG text or as files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posereg.files import whole_file, write_text

# Okabe and Ito's colours, told apart with every kind of colour vision; yellow left out, it is too light for lines.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555", "#7B4FA3")
INK, GRID = "#334155", "#e5e9f0"


def svg(figure: Any) -> str:
    """The figure as an `<svg>` element to put into a page."""
    file = io.StringIO()
    with _style():
        # Without the date, so that the same figure is the same text.
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


def svg_file(element: str) -> str:
    """The content of a file of its own, on white, for an `<svg>` element: drawn once for a page and for a file."""
    head, end, rest = element.partition(">")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}{end}\n <rect width="100%" height="100%" fill="#fff"/>{rest}'


def save(figure: Any, path: Path | str) -> None:
    """Write the figure; the ending (png, svg, pdf) decides the format."""
    if Path(path).suffix == ".svg":
        write_text(Path(path), svg_file(svg(figure)))
        return
    with whole_file(path) as temporary, _style():
        figure.savefig(temporary, dpi=160, facecolor="white")


@contextmanager
def canvas(width: float, height: float, panels: int = 1) -> Iterator[tuple[Any, Any]]:
    """A figure of `width` x `height` inches and its axes, in the look of all of posereg's figures; laid out when the
    `with` block ends, so that nothing may be added later."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with _style():
        figure = Figure(figsize=(width, height))
        yield figure, figure.subplots(1, panels)
        # Once: a figure that keeps its engine is laid out anew for every file, which takes as long as drawing it.
        ConstrainedLayoutEngine().execute(figure)


def plain_numbers(axis: Any) -> None:
    """Marks a logarithmic axis, once it is drawn on, at 0.5, 1, 2, 5 and so on, or at 11, 12, 13 where it spans less.
    Matplotlib's own marks, 1.15 x 10^1, run into one another."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

    low, high = getattr(axis.axes, f"get_{axis.axis_name}lim")()
    decades = LogLocator(subs=(1, 2, 5))
    seen = sum(low <= mark <= high for mark in decades.tick_values(low, high))
    axis.set_major_locator(decades if high > 4 * low and seen > 2 else MaxNLocator(5))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _style() -> Any:
    """Matplotlib's settings of all figures; needed both when a figure is made and when it is saved."""
    import logging

    import matplotlib

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # families that are not installed
    return matplotlib.rc_context(
        {
            "font.family": "sans-serif", "font.size": 9.5,
            "font.sans-serif": ["Inter", "Helvetica", "Arial", *matplotlib.rcParamsDefault["font.sans-serif"]],
            "svg.fonttype": "none", "svg.hashsalt": "posereg", "axes.spines.top": False, "axes.spines.right": False,
            "axes.edgecolor": "#94a3b8", "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK,
            "ytick.color": INK, "axes.grid": True, "grid.color": GRID, "axes.axisbelow": True, "axes.titlesize": 10,
            "axes.titleweight": "bold", "figure.facecolor": "none", "axes.facecolor": "none",
        }
    )  # fmt: skip
