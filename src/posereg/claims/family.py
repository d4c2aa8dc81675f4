"""Several claims looked at together: which verdicts stand when the chance of any mistake at all is held at 5 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from posereg.claims.judge import OPEN, Judged, Judgement
from posereg.claims.power import holm

LEVEL = 0.05


def adjusted(judged_claims: Sequence[Judged]) -> list[Judged]:
    """The same claims, each comparison that could be decided with the p-value adjusted for all of them (Holm)."""
    values = [line.p for judged in judged_claims for line in judged.judgements if line.p is not None]
    new = iter(holm(values))

    def with_p(line: Judgement) -> Judgement:
        return line if line.p is None else replace(line, p_family=next(new))

    return [replace(judged, judgements=tuple(map(with_p, judged.judgements))) for judged in judged_claims]


def stands(line: Judgement) -> bool:
    """Whether a decided comparison is decided among all of them too."""
    return line.verdict != OPEN and line.p_family is not None and line.p_family < LEVEL


def stated(judged_claims: Sequence[Judged]) -> str:
    """The error over all claims, in a sentence; empty where nothing could be decided."""
    lines = [line for judged in judged_claims for line in judged.judgements if line.p is not None]
    if not lines:
        return ""
    decided = [line for line in lines if line.verdict != OPEN]
    chance = 100 * (1 - (1 - LEVEL) ** len(lines))
    return (
        f"Comparisons tested: {len(lines)}. If none of them were true, and all independent, intervals of 95 % would "
        f"decide one or more with a chance of {chance:.0f} %. {len(decided)} are decided; with that chance held at 5 % "
        f"over all of them (Holm), {sum(map(stands, decided))} still would be."
    )
