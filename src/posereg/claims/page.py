"""The claims page: one self-contained HTML file with a forest plot per claim."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from posereg.claims import text
from posereg.claims.family import stated
from posereg.claims.judge import Judged, Judgement
from posereg.claims.picture import overview
from posereg.figures import canvas
from posereg.files import write_text
from posereg.reporting.html import template

WIDTH, PAD = 220, 8


def write(judged_claims: Sequence[Judged], out: Path) -> Path:
    """Write index.html, claims.md and claims.csv into `out`; returns the page's path."""
    texts = {
        "claims.md": text.as_markdown(judged_claims, out),
        "claims.csv": text.as_csv(judged_claims, out),
        "index.html": page(judged_claims, out),
    }
    for name, content in texts.items():
        write_text(out / name, content)
    return out / "index.html"


def page(judged_claims: Sequence[Judged], folder: Path) -> str:
    """The page's text; links to result files are relative to `folder`."""
    papers = [
        (paper, [_claim(judged, folder) for judged in claims])
        for paper, claims in groupby(judged_claims, key=lambda judged: judged.claim.paper)
    ]
    runs = {path for judged in judged_claims for line in judged.judgements for path in line.files}
    picture = overview(judged_claims)
    rendered: str = template("claims.html.j2").render(
        papers=papers,
        counts=text.counts(judged_claims),
        total=len(judged_claims),
        runs=len(runs),
        note=text.NOTE,
        family=stated(judged_claims),
        overview=canvas.svg(picture) if picture is not None else "",
        width=WIDTH,
    )
    return rendered


def _claim(judged: Judged, folder: Path) -> dict[str, Any]:
    ran = [line for line in judged.judgements if line.effect is not None]
    scale = _scale(ran)
    files = list(dict.fromkeys(path for line in judged.judgements for path in line.files))
    return {
        "judged": judged,
        "verdict": text.verdict(judged),
        "lines": [_line(line, scale) for line in judged.judgements],
        "files": [text.relative(path, folder) for path in files],
    }


def _line(line: Judgement, scale: tuple[float, float]) -> dict[str, Any]:
    return {
        "line": line,
        "effect": text.effect(line),
        "paper": text.published(line),
        "power": text.power(line),
        "steps": text.steps(line),
        "seeds": text.number(line.seeds or None),
        "images": text.number(line.images),
        "plot": _plot(line, scale) if line.effect is not None else None,
    }


def _scale(lines: Sequence[Judgement]) -> tuple[float, float]:
    """Ends of the axis that all of a claim's plots share: everything drawn, zero included."""
    values = [0.0]
    for line in lines:
        values += [v for v in (line.effect, line.low, line.high, _comparable(line)) if v is not None]
        values += _bounds(line)
    return (min(values), max(values)) if max(values) > min(values) else (-1.0, 1.0)


def _bounds(line: Judgement) -> list[float]:
    """What the interval is held against: one bound, or for an equivalence both."""
    return [-line.margin, line.margin] if line.equivalent else [-line.margin]


def _plot(line: Judgement, scale: tuple[float, float]) -> dict[str, Any]:
    """Positions in pixels."""
    low, high = scale

    def place(value: float | None) -> float | None:
        return None if value is None else round(PAD + (WIDTH - 2 * PAD) * (value - low) / (high - low), 1)

    values = {"effect": line.effect, "low": line.low, "high": line.high, "paper": _comparable(line)}
    return {name: place(value) for name, value in values.items()} | {
        "bounds": list(map(place, _bounds(line)))
    }


def _comparable(line: Judgement) -> float | None:
    return line.paper if line.paper_metric == line.metric else None
