"""Several claims at once: adjusted over all comparisons of a page, and said in a sentence."""

from __future__ import annotations

from claims.made import judgement, verdict_on
from posereg.claims.family import adjusted, stands, stated
from posereg.claims.judge import CONFIRMED, OPEN


def test_every_comparison_of_the_page_counts() -> None:
    sure, hardly = judgement(p=0.0001), judgement(p=0.04)
    claims = [verdict_on(CONFIRMED, sure, hardly), verdict_on(OPEN, judgement(verdict=OPEN, p=0.5))]
    first, second = adjusted(claims)
    assert [line.p_family for line in first.judgements] == [0.0001 * 3, 0.04 * 2]
    assert [stands(line) for line in first.judgements] == [True, False]
    assert second.judgements[0].p_family == 0.5
    assert not stands(second.judgements[0])


def test_comparisons_that_may_not_be_decided_are_no_part_of_the_family() -> None:
    claims = [verdict_on(CONFIRMED, judgement(p=0.03)), verdict_on(OPEN, judgement(verdict=OPEN, p=None))]
    first, second = adjusted(claims)
    assert first.judgements[0].p_family == 0.03
    assert second.judgements[0].p_family is None


def test_the_sentence_states_the_chance_of_any_mistake() -> None:
    lines = [judgement(p=p) for p in (0.0001, 0.04, 0.03)]
    told = stated(adjusted([verdict_on(CONFIRMED, *lines)]))
    assert told.startswith("Comparisons tested: 3.")
    assert "a chance of 14 %" in told  # 1 - 0.95^3
    # 3 x 0.0001 stands; 2 x 0.03 does not, and then 0.04 cannot either.
    assert told.endswith(
        "3 are decided; with that chance held at 5 % over all of them (Holm), 1 still would be."
    )
    assert stated([verdict_on(OPEN, judgement(verdict=OPEN))]) == ""
