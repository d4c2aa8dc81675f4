"""All comparisons that were run in one picture: bars of their intervals, claim by claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posereg.claims.judge import CONFIRMED, OPEN, REFUTED, Judged, Judgement
from posereg.evaluation.rank_correlation import METRIC as CORRELATION
from posereg.figures.canvas import INK, canvas
from posereg.reporting.columns import higher_is_better

COLORS = {CONFIRMED: "#059669", REFUTED: "#dc2626", OPEN: "#94a3b8"}
LINE, REST = 0.2, 1.0  # inches
UNITS = ("points", "rank correlation", "mm")


def overview(judged_claims: Sequence[Judged]) -> Any | None:
    """Intervals as bars with a tick at the effect, as rliable draws them (Agarwal et al. 2021), each unit in a panel of
    its own; None where no comparison has an interval."""
    shown = [
        (judged, line)
        for judged in judged_claims
        for line in judged.judgements
        if line.effect is not None and line.low is not None
    ]
    panels = [
        (unit, part) for unit in UNITS if (part := [pair for pair in shown if _unit(pair[1].metric) == unit])
    ]
    if not panels:
        return None
    places = [_places(part) for _, part in panels]
    heights = [LINE * (max(at) + 2) for at in places]
    with canvas(9.2, sum(heights) + REST) as (figure, axes):
        axes.remove()
        grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
        for k, ((unit, part), at) in enumerate(zip(panels, places, strict=True)):
            _panel(figure.add_subplot(grid[k, 0]), part, at, unit)
    return figure


def _unit(metric: str) -> str:
    """Of `UNITS`. Correlations differ by tens of points where accuracies do by a few."""
    if not higher_is_better(metric):
        return "mm"
    return "rank correlation" if metric == CORRELATION else "points"


def _places(part: Sequence[tuple[Judged, Judgement]]) -> list[float]:
    """Where each line stands, counted downwards, with half a line between claims."""
    places: list[float] = []
    for k, (judged, _) in enumerate(part):
        new = k > 0 and judged.claim.id != part[k - 1][0].claim.id
        places.append(places[-1] + (1.5 if new else 1.0) if places else 0.0)
    return places


def _panel(axes: Any, part: Sequence[tuple[Judged, Judgement]], places: Sequence[float], unit: str) -> None:
    for (_, line), place in zip(part, places, strict=True):
        color = COLORS[line.verdict]
        axes.barh(place, line.high - line.low, left=line.low, height=0.62, color=color, alpha=0.45)  # type: ignore[operator]
        axes.vlines(line.effect, place - 0.31, place + 0.31, color=INK, lw=1.6)
        if line.paper is not None and line.paper_metric == line.metric:
            axes.plot([line.paper], [place], "o", ms=4.5, mfc="none", mec=INK, mew=1.0)
    axes.use_sticky_edges = False
    axes.margins(x=0.03)
    axes.axvline(0, color=INK, lw=0.8)
    axes.set_yticks(places, [_name(judged, line) for judged, line in part], fontsize=7.5)
    axes.set_ylim(places[-1] + 0.8, -0.8)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"effect ({unit}), 95 % interval; right of 0 is what the claim says")


def _name(judged: Judged, line: Judgement) -> str:
    compared = line.compared if len(line.compared) <= 34 else line.label
    return f"{judged.claim.id.replace('_', ' ')} · {compared} · {line.metric} · {line.data}"
