"""Verdicts as text: true signs and units, every comparison a line, links that lead to the files."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from claims.made import judgement as line
from claims.made import verdict_on as judged
from posereg.claims import text
from posereg.claims.family import adjusted
from posereg.claims.judge import CONFIRMED, OPEN, REFUTED


def test_counts_name_every_verdict_also_those_without_a_claim() -> None:
    claims = [judged(CONFIRMED), judged(CONFIRMED), judged(OPEN)]
    assert text.counts(claims) == "2 confirmed, 0 refuted, 1 open"


def test_a_verdict_on_fewer_seeds_than_wanted_says_so() -> None:
    assert text.verdict(judged(CONFIRMED, seeds=3)) == "confirmed"
    assert text.verdict(judged(CONFIRMED, seeds=1)) == "confirmed (1 of 3 seeds)"
    assert text.verdict(replace(judged(REFUTED, seeds=1), note="on synthetic pictures only")) == (
        "refuted (on synthetic pictures only, 1 of 3 seeds)"
    )
    assert text.verdict(replace(judged(OPEN, seeds=1), note="not run")) == "open (not run)"


@pytest.mark.parametrize(
    ("value", "expected"), [(12.14, "+12.1"), (-0.26, "−0.3"), (0.0, "+0.0"), (None, "")]
)
def test_signs(value: float | None, expected: str) -> None:
    assert text.signed(value) == expected


def test_effects_have_their_interval_and_millimetres_their_unit() -> None:
    assert text.effect(line(effect=12.1, low=10.3, high=13.8)) == "+12.1 [+10.3, +13.8]"
    assert text.effect(line(effect=-3.0, low=None, high=None, metric="MPJPE")) == "−3.0 mm"
    assert text.effect(line(effect=None)) == "–"


def test_a_published_effect_in_another_metric_names_it() -> None:
    assert text.published(line(paper=2.0, paper_metric="AUC")) == "+2.0"
    assert text.published(line(paper=2.0, paper_metric="PCKh@0.1")) == "+2.0 PCKh@0.1"
    assert text.published(line(paper=None, paper_metric="")) == ""


def test_steps_and_numbers() -> None:
    assert text.steps(line(steps=(9800, 42000))) == "9,800–42,000"
    assert text.steps(line(steps=(42000, 42000))) == "42,000"
    assert text.steps(line(steps=None)) == text.number(None) == "–"
    assert text.number(0) == "0"


def test_links_are_relative_to_the_page(tmp_path: Path) -> None:
    assert text.relative(tmp_path / "a/result.json", tmp_path / "claims") == "../a/result.json"


def test_csv_has_a_line_a_comparison_with_unrounded_names_and_all_files(tmp_path: Path) -> None:
    files = (tmp_path / "a/result.json", tmp_path / "b/result.json")
    claim = judged(CONFIRMED, line(effect=1 / 3, files=files), line(label="second", steps=None))
    rows = list(csv.DictReader(io.StringIO(text.as_csv([claim], tmp_path))))
    assert [row["comparison"] for row in rows] == ["pair", "second"]
    assert rows[0]["effect"] == "0.3333"
    assert rows[0]["files"] == "a/result.json;b/result.json"
    assert (rows[0]["fewest steps"], rows[0]["most steps"]) == ("1000", "2000")
    assert (rows[1]["fewest steps"], rows[1]["most steps"]) == ("", "")
    assert (rows[0]["seeds"], rows[0]["seeds wanted"]) == ("3", "3")


def test_markdown_is_rectangular_whatever_a_claim_says(tmp_path: Path) -> None:
    odd = judged(REFUTED, line(label="a | b", files=(tmp_path / "a/result.json",)), text="One | other.")
    content = text.as_markdown([odd, judged(OPEN)], tmp_path)
    table = [each for each in content.splitlines() if each.startswith("|")]
    assert len({each.replace("\\|", "").count("|") for each in table}) == 1
    assert "- [a/result.json](a/result.json)" in content
    assert "**0 confirmed, 1 refuted, 1 open**" in content


def test_the_terminal_shows_every_comparison_that_was_run(capsys: pytest.CaptureFixture[str]) -> None:
    missing = replace(judged(OPEN, line(label="nobody ran it", effect=None, files=())), note="not run")
    text.show([judged(CONFIRMED, line(label="one-hot loss")), missing], Console(width=200))
    printed = capsys.readouterr().out
    assert "one-hot loss: I1 − H1" in printed
    assert "nobody ran it" not in printed
    assert "open (not run)" in printed
    assert "2 claims: 1 confirmed, 0 refuted, 1 open" in printed


def test_a_verdict_that_does_not_stand_among_all_claims_says_so(tmp_path: Path) -> None:
    claims = adjusted([judged(CONFIRMED, line(p=0.04)), judged(CONFIRMED, line(p=0.03))])
    assert text.verdict(claims[0]) == "confirmed (not over all claims)"
    assert text.verdict(adjusted(claims[:1])[0]) == "confirmed"
    first, _ = csv.DictReader(io.StringIO(text.as_csv(claims, tmp_path)))
    assert (first["p"], first["p of all (Holm)"]) == ("0.04", "0.06")


def test_what_could_have_been_seen() -> None:
    assert text.power(line(detectable=1.24)) == "seen from 1.2"
    assert text.power(line()) == text.power(line(detectable=float("nan"))) == ""
