"""The claims page: plots on the axis of their claim, links to the files, nothing that must be fetched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from claims.made import judgement as line
from claims.made import verdict_on as judged
from posereg.claims import page
from posereg.claims.family import adjusted
from posereg.claims.judge import CONFIRMED, OPEN


def bars(content: str) -> list[str]:
    """The plots of a page's tables."""
    return re.findall(r'<svg width="\d+" height="18".*?</svg>', content, flags=re.DOTALL)


def numbers(plot: str, name: str) -> list[float]:
    return [float(value) for value in re.findall(rf'\b{name}="(-?[\d.]+)"', plot)]


def test_every_comparison_that_was_run_has_a_plot(tmp_path: Path) -> None:
    claim = judged(
        CONFIRMED, line(), line(label="second"), line(label="third", effect=None, low=None, high=None)
    )
    content = page.page([claim, judged(OPEN, line(effect=None, low=None, high=None))], tmp_path)
    assert len(bars(content)) == 2


def test_what_is_drawn_stays_within_the_plot(tmp_path: Path) -> None:
    claim = judged(CONFIRMED, line(effect=90.0, low=-80.0, high=95.0), line(effect=0.1, low=0.0, high=0.2))
    for plot in bars(page.page([claim], tmp_path)):
        places = [place for name in ("x", "x1", "x2", "cx") for place in numbers(plot, name)]
        assert places
        assert min(places) >= 0
        assert max(places) <= page.WIDTH


def test_plots_of_one_claim_share_an_axis(tmp_path: Path) -> None:
    """The same effect stands at the same place in both plots, half of it half as far from zero."""
    claim = judged(
        CONFIRMED,
        line(effect=10.0, low=9.0, high=12.0, paper=None),
        line(effect=10.0, low=9.0, high=11.0, paper=None),
        line(effect=5.0, low=4.0, high=6.0, paper=None),
    )
    first, second, half = (numbers(plot, "cx")[0] for plot in bars(page.page([claim], tmp_path)))
    zero = page.PAD  # nothing lies below zero
    assert first == second
    assert half - zero == pytest.approx((first - zero) / 2, abs=0.2)


def test_an_effect_of_nothing_at_all_still_has_a_plot(tmp_path: Path) -> None:
    content = page.page([judged(OPEN, line(effect=0.0, low=0.0, high=0.0, paper=None))], tmp_path)
    (plot,) = bars(content)
    assert numbers(plot, "cx") == [page.WIDTH / 2]


def test_the_page_is_escaped_and_its_links_lead_somewhere(tmp_path: Path) -> None:
    file = tmp_path / "runs" / "a" / "result.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    out = tmp_path / "out"
    written = page.write([judged(CONFIRMED, line(files=(file,)), text="<b>One</b> & all.")], out)
    assert {path.name for path in out.iterdir()} == {"index.html", "claims.md", "claims.csv"}
    content = written.read_text()
    assert "&lt;b&gt;One&lt;/b&gt; &amp; all." in content
    links = re.findall(r'href="([^"#]+)"', content)
    assert [(out / link).resolve() for link in links] == [file.resolve()]
    assert not re.search(r'(src|href)="(https?:)?//', content)


def test_the_page_begins_with_all_comparisons_and_their_joint_error(tmp_path: Path) -> None:
    content = page.page(adjusted([judged(CONFIRMED, line(p=0.001, detectable=1.44))]), tmp_path)
    assert content.index("All comparisons that were run") < content.index("One is better.")
    assert "a claim · I1 − H1 · AUC · mpii" in content
    assert "Comparisons tested: 1." in content
    assert "<small>seen from 1.4</small>" in content
    assert "All comparisons" not in page.page(
        [judged(OPEN, line(effect=None, low=None, high=None))], tmp_path
    )


def test_an_equivalence_is_held_against_both_bounds(tmp_path: Path) -> None:
    equal = line(effect=0.0, low=-1.0, high=1.0, paper=None, margin=2.0, equivalent=True)
    (plot,) = bars(page.page([judged(CONFIRMED, equal)], tmp_path))
    assert numbers(plot, "x1")[:2] == [page.PAD, page.WIDTH - page.PAD]
