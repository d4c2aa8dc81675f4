"""A plan as text: the columns of its table, Markdown, and the sentences below it."""

from __future__ import annotations

from collections.abc import Sequence

from posereg.planning.plan import GB, Line, Plan
from posereg.reporting.markdown import escaped
from posereg.terminal.counted import counted

COLUMNS = ("table", "row", "runs", "samples", "epochs", "steps", "images", "params", "MACs", "FLOPs", "memory",
           "hours", "notes")  # fmt: skip
WORDS = ("table", "row", "notes")  # columns of words, the others hold numbers


def cells(line: Line) -> list[str]:
    """One line of the table, in the order of `COLUMNS`; counts of steps, images, FLOPs and hours are of one run."""
    _, table, row = line.key
    amount, trained = line.amount, line.amount.steps > 0
    return [
        table if table != "None" else "",
        row if line.asked else f"({row})",
        _runs(line),
        f"{line.sizes.train:,}" if trained else "",
        str(amount.epochs) if trained else "",
        f"{amount.steps:,}" if trained else "",
        f"{amount.images:,}" if trained else "",
        f"{line.cost.params / 1e6:.1f} M" if line.cost.params else "",
        f"{line.cost.macs / 1e9:.1f} G" if line.cost.macs else "",
        f"{line.flops / 1e15:,.1f} P" if line.flops else "",
        f"{line.memory / GB:.1f} GB" if trained else "",
        f"{line.hours:,.1f}" if line.hours >= 1 else f"{line.hours:.2g}",
        "; ".join(_notes(line)),
    ]


def markdown(lines: Sequence[Line]) -> str:
    """The table in Markdown."""
    rows = [[escaped(cell) for cell in cells(line)] for line in lines]
    rule = ["---" if name in WORDS else "---:" for name in COLUMNS]
    return "\n".join("| " + " | ".join(row) + " |" for row in [list(COLUMNS), rule, *rows])


def summary(plan: Plan, rate: str, gigabytes: float) -> list[str]:
    """What the whole plan comes to, and what its figures rest on, one sentence each.

    Args:
        rate: where the hours come from, e.g. `20 TFLOP/s a device (stated)`.
        gigabytes: of a device.
    """
    runs = [run for line in plan.lines for run in line.runs]
    extra = [line for line in plan.lines if not line.asked]
    done = sum(run.state == "done" for run in runs)
    on = f"On {counted(plan.devices, 'device')}"
    lines = [
        f"{counted(len(plan.lines), 'row')}, {counted(len(runs), 'run')}, {done} of them done.",
        f"{_hours(plan.hours, 'device-hour')} are left, at {rate}.",
        f"{on}: {_hours(plan.makespan, 'hour')}, rows that others need first.",
    ]
    if extra:
        lines.append(f"Rows in brackets are not asked for; others need them: {len(extra)}.")
    if any(line.fits is not None for line in plan.lines):
        lines.append(f"Rows that do not fit {gigabytes:g} GB have a note with the accumulation that would.")
    sources = {line.sizes.source for line in plan.lines}
    if "published" in sources:
        lines.append("Sizes of data sets that are not here are the published ones.")
    if "stated" in sources:
        lines.append("Sizes of data sets are as stated.")
    return lines


def _hours(hours: float, unit: str) -> str:
    """`217.6 hours`; below one, as many digits as tell it from nothing."""
    return f"{hours:.1f} {unit}s" if hours >= 1 or hours == 0 else f"{hours:.2g} {unit}s"


def _runs(line: Line) -> str:
    done = sum(run.state == "done" for run in line.runs)
    return f"{len(line.runs)}, {done} done" if done else str(len(line.runs))


def _notes(line: Line) -> list[str]:
    notes = [f"after {', '.join(line.needs)}"] if line.needs else []
    if line.fits == (0, 0):
        notes.append("does not fit, even one image at a time")
    elif line.fits is not None:
        passes, images = line.fits
        notes.append(f"does not fit; trainer.accumulate={passes} would, {images} images a pass")
    states = [run.state for run in line.runs]
    if "begun" in states:
        notes.append(f"{states.count('begun')} begun")
    if "changed" in states:
        notes.append(f"{states.count('changed')} of another configuration")
    return notes
