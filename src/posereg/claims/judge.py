"""Verdicts: confirmed when the 95 % interval of the effect lies on the claim's side, refuted when on the other.

That two rows are equivalent is confirmed by two one-sided tests at 5 %, that is when the 90 % interval lies within the
margin, and refuted when the 95 % interval lies outside.

Between runs of which one still learns nothing is decided (`reporting.learning`).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.claims import contrast
from posereg.claims.definition import Claim, Comparison, Contrast
from posereg.claims.evidence import Campaign, check, resolve
from posereg.claims.power import detectable, p_differs, p_near
from posereg.errors import UserError
from posereg.evaluation import bootstrap
from posereg.evaluation.bootstrap import Interval
from posereg.records.evaluation import Evaluation
from posereg.reporting.collect import Run
from posereg.reporting.columns import higher_is_better, said_lower
from posereg.reporting.learning import curves_of, slowest
from posereg.reporting.lineage import trained
from posereg.reporting.significance import evaluation_of, images_of

CONFIRMED, REFUTED, OPEN = "confirmed", "refuted", "open"
IMAGES, SEEDS, BOTH = "images", "seeds", "images and seeds"


@dataclass(frozen=True)
class Judgement:
    """One comparison of a claim on one campaign.

    Attributes:
        compared: the rows as they were taken, `I1 - H1`.
        effect, low, high: in the metric's unit, turned so that positive is what the claim says (for millimetres:
            millimetres saved); None where not run, low and high also where there is no interval.
        over: what the interval was drawn over.
        detectable: the smallest effect that would have been seen, four times of five.
        p: of the opposite of the claim, None where nothing may be decided; p_family: that, adjusted for all
            comparisons of a page (`family.adjusted`).
        paper: the published effect; `paper_metric` its metric, where that is another than the one judged.
        seeds: fewest of any row; steps: fewest and most training steps, with those of the runs they started from;
            images, people: evaluated on.
    """

    label: str
    compared: str
    campaign: str
    data: str
    margin: float = 0.0
    equivalent: bool = False
    verdict: str = OPEN
    reason: str = ""
    metric: str = ""
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    over: str = ""
    detectable: float | None = None
    p: float | None = None
    p_family: float | None = None
    paper: float | None = None
    paper_metric: str = ""
    seeds: int = 0
    images: int | None = None
    people: int | None = None
    train_people: int | None = None
    steps: tuple[int, int] | None = None
    files: tuple[Path, ...] = ()

    @property
    def size(self) -> str:
        """Where the published size lies in relation to the interval: `as published`, `smaller` or `larger`, or
        `reversed` where the whole interval has the other sign."""
        if self.paper is None or self.paper_metric != self.metric or self.low is None or self.high is None:
            return ""
        if self.high < 0 < self.paper or self.paper < 0 < self.low:
            return "reversed"
        return "smaller" if self.high < self.paper else "larger" if self.low > self.paper else "as published"


@dataclass(frozen=True)
class Judged:
    """A claim with its judgements, and the verdict over all of them."""

    claim: Claim
    judgements: tuple[Judgement, ...]
    verdict: str
    note: str

    @property
    def preliminary(self) -> bool:
        """Decided on fewer seeds than wanted."""
        return any(j.verdict != OPEN and j.seeds < self.claim.seeds for j in self.judgements)


def judge(
    claim: Claim, campaigns: Sequence[Campaign], experiments: Path | None = None, replicates: int = 2000
) -> Judged:
    """All comparisons of a claim on every campaign that ran some of its rows.

    Args:
        experiments: folder of the published rows, by which stand-ins are checked; None trusts them.
    """
    judged_on: list[tuple[Campaign | None, list[Judgement]]] = []
    for campaign in campaigns:
        if claim.may_be_judged_on(campaign.data) and _touches(claim, campaign):
            lines = [
                _compare(claim, comparison, campaign, experiments, replicates)
                for comparison in claim.comparisons
            ]
            if any(line.effect is not None or line.files for line in lines):
                judged_on.append((campaign, lines))
    if not judged_on:
        lines = [
            _not_run(comparison, "", "", comparison.contrasts[0], "not run")
            for comparison in claim.comparisons
        ]
        return Judged(claim, tuple(lines), OPEN, "not run")
    verdict, note = _overall(judged_on)
    return Judged(claim, tuple(line for _, lines in judged_on for line in lines), verdict, note)


def verdict_of(interval: Interval, margin: float) -> str:
    """confirmed: the whole interval above -margin; refuted: the whole of it below; else open."""
    return CONFIRMED if interval.low > -margin else REFUTED if interval.high < -margin else OPEN


def equivalence_of(interval: Interval, inner: Interval, margin: float) -> str:
    """confirmed: the `inner` (90 %) interval lies within the margin; refuted: the whole interval outside; else open."""
    if -margin < inner.low and inner.high < margin:
        return CONFIRMED
    return REFUTED if interval.low > margin or interval.high < -margin else OPEN


def together(verdicts: Iterable[str]) -> str:
    """A claim of several comparisons: one refuted refutes it, all confirmed confirm it."""
    all_verdicts = set(verdicts)
    return REFUTED if REFUTED in all_verdicts else CONFIRMED if all_verdicts == {CONFIRMED} else OPEN


def _overall(judged_on: Sequence[tuple[Campaign | None, Sequence[Judgement]]]) -> tuple[str, str]:
    """Campaigns on real pictures decide; synthetic ones only where no real one does."""
    by_campaign = [(campaign, together(line.verdict for line in lines)) for campaign, lines in judged_on]
    for real in (True, False):
        decided = {verdict for campaign, verdict in by_campaign if campaign and campaign.real == real} - {
            OPEN
        }
        if len(decided) > 1:
            return OPEN, "the campaigns disagree"
        if decided:
            return decided.pop(), "" if real else "on synthetic pictures only"
    lines = [line for _, lines in judged_on for line in lines]
    confirmed = sum(line.verdict == CONFIRMED for line in lines)
    return OPEN, f"{confirmed} of {len(lines)} comparisons confirmed" if confirmed else "not decided"


def _touches(claim: Claim, campaign: Campaign) -> bool:
    named = {
        row for c in claim.comparisons for each in c.contrasts for term in each.terms for row in term.rows
    }
    return not named.isdisjoint(campaign.rows)


def _compare(
    claim: Claim, comparison: Comparison, campaign: Campaign, experiments: Path | None, replicates: int
) -> Judgement:
    options = [(wanted, *resolve(wanted, campaign.rows, experiments)) for wanted in comparison.contrasts]
    wanted, taken, missing = next((each for each in options if not each[2]), options[0])
    if missing:
        return _not_run(comparison, campaign.name, campaign.data, wanted, f"not run: {', '.join(missing)}")
    rows = {row: campaign.rows[row] for row in dict.fromkeys(taken)}
    line = _described(comparison, campaign, wanted, taken, rows)
    nearest_pair = "" if wanted is options[0][0] else "nearest pair that was run"
    metric = next((m for m in comparison.metrics if _all_report(rows, m)), None)
    if metric is None:
        return replace(line, reason=f"no {' or '.join(comparison.metrics)} in all of its results")
    line = replace(line, metric=metric, **_published(wanted, metric))
    try:
        check(claim.id, rows, claim.varies)
    except UserError as error:
        return replace(line, reason=f"not comparable: {error}")
    sign = (
        1
        if higher_is_better(
            metric.split("/")[-1], said_lower(run.result for runs in rows.values() for run in runs)
        )
        else -1
    )
    signs = [sign * term.sign for term in wanted.terms]
    joints = [term.joints for term in wanted.terms]
    levels = (0.95, 0.9) if comparison.equivalent else (0.95,)
    drawn = [_interval(signs, taken, joints, rows, metric, replicates, level) for level in levels]
    (interval, over), (inner, _) = drawn[0], drawn[-1]
    if isinstance(interval, str) or isinstance(inner, str):
        plain = _effect(signs, taken, rows, metric) if set(joints) == {"all"} else None
        return replace(line, effect=plain, reason=str(interval))
    if comparison.equivalent:
        verdict, p = equivalence_of(interval, inner, comparison.margin), p_near(interval, comparison.margin)
    else:
        verdict, p = verdict_of(interval, comparison.margin), p_differs(interval, -comparison.margin)
    unfinished, least = _unfinished(rows, metric), detectable(interval)
    known = line.paper if line.paper_metric == metric else None
    reasons = [nearest_pair, _undecided(comparison, interval, known, least) if verdict == OPEN else ""]
    return replace(
        line,
        verdict=OPEN if unfinished else verdict,
        reason="; ".join(filter(None, [*reasons, unfinished])),
        effect=interval.difference,
        low=interval.low,
        high=interval.high,
        over=over,
        detectable=least,
        p=None if unfinished else p,
    )


def _undecided(comparison: Comparison, interval: Interval, paper: float | None, least: float) -> str:
    """What an open comparison says nevertheless: no effect above x, or that there are not enough data to see one."""
    seen = f"effects from {least:.1f} up could be seen"
    if comparison.margin:
        bound = ("±" if comparison.equivalent else "-") + f"{comparison.margin:g}"
        return f"the interval includes {bound}, {seen}"
    most = max(-interval.low, interval.high)
    if paper is None:
        return f"the interval includes zero: no effect above {most:.1f}, {seen}"
    if least <= abs(paper):
        return (
            f"the interval includes zero: no effect above {most:.1f}, the published one would have been seen"
        )
    return f"the interval includes zero: not enough data, only {seen}"


def _unfinished(rows: Mapping[str, tuple[Run, ...]], metric: str) -> str:
    """Which rows had not finished learning, by their slowest seed; nothing is decided between them.

    The run's own metric counts beside the one compared: at a tight threshold little is correct, so little rises, long
    before a network has finished.
    """
    lines = []
    for row, runs in rows.items():
        curves = curves_of(runs, metric) + curves_of(runs)
        if any(curve is None for curve in curves):
            lines.append(f"no validation curve of {row.rsplit('/', 1)[1]}")
        worst = slowest(curves)
        if worst is None:
            continue
        more = f", about {worst.needed:,} steps more needed" if worst.needed else ""
        lines.append(
            f"still learning: {row.rsplit('/', 1)[1]} ({worst.metric} {worst.rise:+.1f} in its last quarter{more})"
        )
    return "; ".join(lines)


def _interval(
    signs: Sequence[int],
    taken: Sequence[str],
    joints: Sequence[str],
    rows: Mapping[str, tuple[Run, ...]],
    metric: str,
    replicates: int,
    level: float,
) -> tuple[Interval | str, str]:
    """The interval and what it is drawn over, or why there is none."""
    try:
        raw = {row: [evaluation_of(run.path, run.result) for run in runs] for row, runs in rows.items()}
        parts = [
            contrast.part(sign, row, raw[row], metric, which)
            for sign, row, which in zip(signs, taken, joints, strict=True)
        ]
        several = min(len(runs) for runs in rows.values()) > 1
        return bootstrap.signed(parts, _images(rows, raw), replicates, level), BOTH if several else IMAGES
    except UserError as error:
        reason = f"no interval over images: {error}"
    if set(joints) != {"all"}:
        return reason, ""
    weights = [(sum(s for s, t in zip(signs, taken, strict=True) if t == row), row) for row in rows]
    try:
        return contrast.over_seeds(
            [(w, [run.value(metric) or 0.0 for run in rows[row]]) for w, row in weights], level
        ), SEEDS
    except UserError as error:
        return f"{reason}; {error}", ""


def _effect(
    signs: Sequence[int], taken: Sequence[str], rows: Mapping[str, tuple[Run, ...]], metric: str
) -> float:
    means = {row: statistics.fmean(run.value(metric) or 0.0 for run in runs) for row, runs in rows.items()}
    return sum(sign * means[row] for sign, row in zip(signs, taken, strict=True))


def _images(
    rows: Mapping[str, tuple[Run, ...]], raw: Mapping[str, Sequence[Evaluation]]
) -> NDArray[np.integer[Any]]:
    row, runs = next(iter(rows.items()))
    return images_of(runs[0].folder, raw[row][0])


def _all_report(rows: Mapping[str, tuple[Run, ...]], metric: str) -> bool:
    return all(run.value(metric) is not None for runs in rows.values() for run in runs)


def _published(wanted: Contrast, metric: str) -> dict[str, Any]:
    name = metric if metric in wanted.paper else next(iter(wanted.paper), "")
    return {"paper": wanted.paper.get(name), "paper_metric": name}


def _described(
    comparison: Comparison,
    campaign: Campaign,
    wanted: Contrast,
    taken: Sequence[str],
    rows: Mapping[str, tuple[Run, ...]],
) -> Judgement:
    runs = [run for its in rows.values() for run in its]
    steps = [trained(run.result)[0] for run in runs if "steps" in run.result.get("training", {})]
    return Judgement(
        label=comparison.label,
        compared=_formula(wanted, taken),
        campaign=campaign.name,
        data=campaign.data,
        margin=comparison.margin,
        equivalent=comparison.equivalent,
        seeds=min(len(its) for its in rows.values()),
        steps=(min(steps), max(steps)) if steps else None,
        files=tuple(run.path for run in runs),
        images=_shared(runs, "images"),
        people=_shared(runs, "people"),
        train_people=_shared(runs, "train_people"),
    )


def _shared(runs: Sequence[Run], key: str) -> int | None:
    """A count of the protocol that all runs agree on."""
    values = {run.result.get("protocol", {}).get(key) for run in runs}
    return values.pop() if len(values) == 1 else None


def _not_run(comparison: Comparison, campaign: str, data: str, wanted: Contrast, reason: str) -> Judgement:
    """The line of rows that were not all run, with what the paper says."""
    metric = next((m for m in comparison.metrics if m in wanted.paper), comparison.metrics[0])
    return Judgement(
        label=comparison.label,
        compared=_formula(wanted, [term.rows[0] for term in wanted.terms]),
        campaign=campaign,
        data=data,
        margin=comparison.margin,
        equivalent=comparison.equivalent,
        reason=reason,
        metric=metric,
        **_published(wanted, metric),
    )


def _formula(wanted: Contrast, taken: Sequence[str]) -> str:
    """`b_I1 − b_H1 − (d_I1 − d_H1)`, rows by their last name."""
    names = [
        row.rsplit("/", 1)[1] + (f" {term.joints}" if term.joints != "all" else "")
        for term, row in zip(wanted.terms, taken, strict=True)
    ]
    if len(names) == 1:
        return names[0]
    first = f"{names[0]} − {names[1]}"
    return first if len(names) == 2 else f"({first}) − ({names[2]} − {names[3]})"
