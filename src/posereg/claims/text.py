"""The claims page as text: for the terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from posereg.claims.family import stands, stated
from posereg.claims.judge import CONFIRMED, OPEN, REFUTED, Judged, Judgement
from posereg.reporting.columns import higher_is_better
from posereg.reporting.markdown import escaped

STYLES = {CONFIRMED: "bold green", REFUTED: "bold red", OPEN: "dim"}
NOTE = (
    "Confirmed: the 95 % interval of the effect lies on the claim's side; refuted: on the other; else open, as between "
    "runs that still learned: whose validation rose by over half a point in the last quarter of their steps. The "
    "effect is turned so that positive is what the claim says. Intervals: paired bootstrap over images within seeds; "
    "with one seed they say nothing of another seed's training. Equivalence: confirmed by two one-sided tests at 5 %. "
    "Effects that could be seen: in four of five repetitions, by an interval that excludes zero."
)


def counts(judged_claims: Sequence[Judged]) -> str:
    """`5 confirmed, 1 refuted, 18 open`."""
    return ", ".join(f"{sum(j.verdict == v for j in judged_claims)} {v}" for v in (CONFIRMED, REFUTED, OPEN))


def verdict(judged: Judged) -> str:
    """The verdict with what qualifies it: `confirmed (1 of 3 seeds)`."""
    fewest = min((j.seeds for j in judged.judgements if j.verdict != OPEN), default=0)
    seeds = f"{fewest} of {judged.claim.seeds} seeds" if judged.preliminary else ""
    alone = "not over all claims" if any(map(_alone, judged.judgements)) else ""
    notes = ", ".join(filter(None, (judged.note, *((seeds, alone) if judged.verdict != OPEN else ()))))
    return judged.verdict + (f" ({notes})" if notes else "")


def _alone(line: Judgement) -> bool:
    """Decided by itself, but not when all comparisons are looked at together."""
    return line.verdict != OPEN and line.p_family is not None and not stands(line)


def signed(value: float | None) -> str:
    """`+12.1` or `−0.3`, with a true minus; nothing for None."""
    return "" if value is None else f"{value:+.1f}".replace("-", "−")


def effect(line: Judgement) -> str:
    """`+12.1 [+10.3, +13.8]`, millimetres named."""
    if line.effect is None:
        return "–"
    interval = "" if line.low is None else f" [{signed(line.low)}, {signed(line.high)}]"
    return f"{signed(line.effect)}{interval}" + ("" if higher_is_better(line.metric) else " mm")


def published(line: Judgement) -> str:
    """The paper's effect, with its metric where that is another one."""
    other = f" {line.paper_metric}" if line.paper is not None and line.paper_metric != line.metric else ""
    return signed(line.paper) + other


def power(line: Judgement) -> str:
    """`seen from 1.2`: the smallest effect that would have been seen; nothing where that is not known."""
    known = line.detectable is not None and math.isfinite(line.detectable)
    return f"seen from {line.detectable:.1f}" if known else ""


def steps(line: Judgement) -> str:
    """Optimiser steps of the compared rows: `42,000`, or `9,800–42,000` where they differ."""
    if line.steps is None:
        return "–"
    low, high = line.steps
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def number(value: int | None) -> str:
    """`1,500`, or a dash for None."""
    return "–" if value is None else f"{value:,}"


def show(judged_claims: Sequence[Judged], console: Console | None = None) -> None:
    """One line per comparison, below its claim."""
    console = console or Console()
    if not console.is_terminal:
        console = Console(width=160)
    for paper, claims in groupby(judged_claims, key=lambda judged: judged.claim.paper):
        table = Table(box=box.SIMPLE_HEAD, title=paper, title_justify="left", pad_edge=False)
        for name in ("claim", "data", "metric", "effect [95 %]", "paper", "seeds", "images", "verdict"):
            right = name in ("effect [95 %]", "paper", "seeds", "images")
            table.add_column(name, justify="right" if right else "left", no_wrap=right)
        for judged in claims:
            table.add_row(Text(f"{judged.claim.text} [{judged.claim.where}]", style="bold"), *[""] * 6,
                          Text(verdict(judged), style=STYLES[judged.verdict]))  # fmt: skip
            for line in judged.judgements:
                if line.effect is None and not line.files and judged.note == "not run":
                    continue
                table.add_row(
                    Text(f"  {line.label}: {line.compared}"), line.data, line.metric, effect(line), published(line),
                    number(line.seeds or None), number(line.images),
                    Text(" · ".join(filter(None, (line.verdict, line.reason))), style=STYLES[line.verdict]),
                )  # fmt: skip
        console.print(table)
    console.print(Text(f"{len(judged_claims)} claims: {counts(judged_claims)}", style="bold"))
    for note in filter(None, (NOTE, stated(judged_claims))):
        console.print(Text(note, style="dim"))


def as_markdown(judged_claims: Sequence[Judged], folder: Path) -> str:
    """Tables in GitHub's Markdown, one per paper, with the result files behind them; links are relative to `folder`."""
    lines = [
        "# The papers' claims",
        "",
        f"{len(judged_claims)} claims: **{counts(judged_claims)}**.",
        "",
        *filter(None, (NOTE, stated(judged_claims) and "\n" + stated(judged_claims))),
    ]
    heads = (
        "claim",
        "verdict",
        "compared",
        "data",
        "metric",
        "effect [95 %]",
        "paper",
        "seeds",
        "images",
        "steps",
    )
    for paper, group in groupby(judged_claims, key=lambda judged: judged.claim.paper):
        claims = list(group)
        lines += ["", f"## {paper}", "", "| " + " | ".join(heads) + " |", "|" + ":--|" * 5 + "--:|" * 5]
        for judged in claims:
            claim = judged.claim
            lines.append(
                f"| **{escaped(claim.text)}** {escaped(claim.where)} | **{verdict(judged)}** |" + " |" * 8
            )
            for line in judged.judgements:
                cells = [
                    line.label, " · ".join(filter(None, (line.verdict, line.reason))), line.compared,
                    line.data or "–", line.metric, effect(line), published(line) or "–",
                    number(line.seeds or None), number(line.images), steps(line),
                ]  # fmt: skip
                lines.append("| " + " | ".join(map(escaped, cells)) + " |")
        files = list(
            dict.fromkeys(path for judged in claims for line in judged.judgements for path in line.files)
        )
        if files:
            links = [f"- [{link}]({link})" for link in (relative(path, folder) for path in files)]
            lines += ["", "<details><summary>Result files</summary>", "", *links, "", "</details>"]
    return "\n".join(lines) + "\n"


COLUMNS = (
    "claim", "paper", "where", "text", "claim verdict", "comparison", "compared", "campaign", "data", "metric",
    "verdict", "reason", "effect", "low", "high", "interval over", "margin", "equivalent", "detectable", "p",
    "p of all (Holm)", "paper effect", "paper metric", "published size",
    "seeds", "seeds wanted", "images", "people", "train people", "fewest steps", "most steps",
    "files",
)  # fmt: skip


def as_csv(judged_claims: Sequence[Judged], folder: Path) -> str:
    """One line per comparison; result files relative to `folder`, separated by semicolons."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for judged in judged_claims:
        claim = judged.claim
        for line in judged.judgements:
            values = [
                claim.id, claim.paper, claim.where, claim.text, judged.verdict, line.label, line.compared,
                line.campaign, line.data, line.metric, line.verdict, line.reason, line.effect, line.low, line.high,
                line.over, line.margin, line.equivalent, line.detectable,
                *("" if p is None else f"{p:.2g}" for p in (line.p, line.p_family)),
                line.paper, line.paper_metric, line.size, line.seeds, claim.seeds,
                line.images, line.people, line.train_people, *(line.steps or (None, None)),
                ";".join(relative(path, folder) for path in line.files),
            ]  # fmt: skip
            writer.writerow([round(value, 4) if isinstance(value, float) else value for value in values])
    return file.getvalue()


@lru_cache(maxsize=10_000)  # each run stands behind several claims, in three files
def relative(path: Path, folder: Path) -> str:
    """`path` as a link from a page in `folder`: relative, with forward slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()
