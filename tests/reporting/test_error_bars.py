"""The stacked bars are as high as the shares they show."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from posereg.reporting.curves import save
from posereg.reporting.error_bars import STACK, error_bars

# Shares in the range of paper 002's Figure 4.
BASE = {"jitter": 13.2, "inversion": 3.6, "swap": 1.4, "miss": 6.8, "good": 75.0}
BETTER = {"jitter": 12.0, "inversion": 3.1, "swap": float("nan"), "miss": 5.9, "good": 79.0}


def test_bars_stack_to_the_total_of_errors() -> None:
    figure = error_bars({"regression": {"b": BASE, "c1": BETTER}, "final": {"b": BASE}})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["regression", "final"]
    bars = [container.patches for container in figure.axes[0].containers]
    assert [bar[0].get_height() for bar in bars] == pytest.approx([BASE[kind] for kind in STACK])
    for lower, upper in itertools.pairwise(bars):
        for below, above in zip(lower, upper, strict=True):
            assert above.get_y() == pytest.approx(below.get_y() + below.get_height())
    top = bars[-1]
    assert [bar.get_y() + bar.get_height() for bar in top] == pytest.approx([25.0, 21.0])


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_it_is_written_whole(tmp_path: Path, ending: str) -> None:
    save(error_bars({"final": {"b": BASE}}), tmp_path / f"bars.{ending}")
    content = (tmp_path / f"bars.{ending}").read_bytes()
    assert content.startswith(b"\x89PNG") if ending == "png" else b"</svg>" in content
