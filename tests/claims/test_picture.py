"""One picture of all comparisons: a bar where the interval is, in the verdict's colour, millimetres apart."""

from __future__ import annotations

from matplotlib.colors import to_hex

from claims.made import judgement, verdict_on
from posereg.claims.judge import CONFIRMED, OPEN, REFUTED
from posereg.claims.picture import COLORS, overview


def test_bars_are_the_intervals_in_the_colour_of_their_verdict() -> None:
    lines = [judgement(low=1.0, high=3.0), judgement(verdict=REFUTED, effect=-2.0, low=-4.0, high=-1.0)]
    figure = overview([verdict_on(OPEN, *lines, judgement(effect=None, low=None, high=None))])
    assert figure is not None
    (axes,) = figure.axes
    bars = [(bar.get_x(), bar.get_width(), to_hex(bar.get_facecolor())) for bar in axes.patches]
    assert bars == [(1.0, 2.0, COLORS[CONFIRMED]), (-4.0, 3.0, COLORS[REFUTED])]
    first, second = (bar.get_y() for bar in axes.patches)
    low, high = axes.get_ylim()
    assert first < second  # in the order of the page
    assert low > high  # from above
    assert [line.get_xdata()[0] for line in axes.get_lines()[:2]] == [2.5, 2.5]  # published
    figure.draw_without_rendering()
    assert min(axes.get_xlim()) < -4.0


def test_each_unit_has_a_panel_of_its_own() -> None:
    metrics = ["MPJPE", "confidence/correlation", "AUC"]
    figure = overview([verdict_on(OPEN, judgement(metric=name, paper_metric=name)) for name in metrics])
    assert figure is not None
    units = [axes.get_xlabel().partition("(")[2].partition(")")[0] for axes in figure.axes]
    assert units == ["points", "rank correlation", "mm"]
    assert [axes.get_yticklabels()[0].get_text().split(" · ")[2] for axes in figure.axes] == metrics[::-1]


def test_without_an_interval_there_is_nothing_to_draw() -> None:
    assert overview([verdict_on(OPEN, judgement(low=None, high=None))]) is None
    assert overview([]) is None
