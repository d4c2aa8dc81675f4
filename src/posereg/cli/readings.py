"""`posereg readings`: trained heat maps read in several ways."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from posereg.cli.spec import (
    BATCH_SIZE,
    CHECKPOINT,
    DEVICE,
    FILE,
    MISSING_IMAGES,
    NAME,
    Command,
    Option,
    listed,
    number,
)
from posereg.files import write_text
from posereg.runs.folder import READINGS, RESULT

if TYPE_CHECKING:
    from posereg.predict.readings import Reading

COMMAND = Command(
    "readings",
    "read trained heat maps in several ways: argmax, expectation untrained, trained",
    """
    Where does an integral method's gain come from, its maps or how they are read? The maps of each checkpoint are
    computed once and read by their maximum, by DARK where they were taught as Gaussians, by the expectation of a
    softmax at several temperatures, among them the one that an integral row would start at (measured on training
    people), and by the expectation about the maximum. A trained integral method is also read at its own temperature.
    `pull` is the median over joints of how far a reading lies towards the picture's middle, in pixels of the input.
    `easiest` is the accuracy at the tightest threshold on the quarter of people that all readings miss least: how far
    the labels can be trusted there. Without the mirrored picture.

    The lines of a run's folder are also written into it, as readings.csv, and `posereg report` shows them.
    """,
    config="data",
    options=(
        Option("checkpoint", listed(CHECKPOINT), "trained H, I or MS methods", required=True),
        Option("betas", listed(number(1e-6)), "further temperatures", default_text="1"),
        Option("split", NAME, "split of the data set", default_text="the validation split"),
        Option("out", FILE, "also write the table there, as CSV"),
        MISSING_IMAGES,
        DEVICE,
        BATCH_SIZE,
    ),
    examples=(
        "posereg readings checkpoint=runs/mpii/integral/table2/H1/seed0,runs/mpii/integral/table2/I1/seed0 data=mpii",
    ),
)


def run(
    overrides: list[str],
    checkpoint: list[str],
    betas: list[float] | None,
    split: str | None,
    out: Path | None,
    missing_images: str,
    device: str,
    batch_size: int,
) -> int:
    """Print a table with a line for each checkpoint and way of reading.

    Raises:
        UserError: a model or a data set that cannot be used, or a method without maps.
    """
    import torch

    from posereg.build import load_method
    from posereg.cli.data_source import source_of
    from posereg.predict.evaluate import people_of_source
    from posereg.predict.readings import decoders, fitted_beta, read

    source = source_of(overrides)
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    found: dict[tuple[str, str], Reading] = {}
    called: dict[str, str] = {}
    for name in checkpoint:
        module = load_method(name).to(where)
        data = people_of_source(module, source, split, missing_images)
        fitted = fitted_beta(module, data.poses(data.train_split))  # type: ignore[arg-type]
        own = getattr(module, "beta", None) if getattr(module, "decode", "") == "integral" else None
        wanted = sorted({*(betas or [1.0]), *([own] if own else []), fitted})
        print(
            f"{name}: the maps of training people fit beta {fitted:.3g}"
            + (f"; trained at {own:.3g}" if own else "")
        )
        for way, reading in read(module, data, decoders(module, wanted, fitted), batch_size).items():  # type: ignore[arg-type]
            found[name, way] = reading
        called[name] = str(module.plain_config.get("row") or "")
    names = _names(called)
    rows = _table({(names[name], way): reading for (name, way), reading in found.items()})
    _show(rows)
    if out is not None:
        _write(out, rows)
    for name in checkpoint:
        if (Path(name) / RESULT).is_file():
            own = [line[1:] for line in rows if line[0] in ("maps", names[name])]
            _write(Path(name) / READINGS, own)
    return 0


def _write(path: Path, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(path, text.getvalue())


def _names(rows: Mapping[str, str]) -> dict[str, str]:
    """By checkpoint the name of its row, or the checkpoint itself where rows share a name or have none."""
    counts = Counter(rows.values())
    return {checkpoint: row if row and counts[row] == 1 else checkpoint for checkpoint, row in rows.items()}


def _table(found: Mapping[tuple[str, str], Reading]) -> list[list[str]]:
    """Head and lines: maps, way of reading, the totals, pull."""
    totals = list(
        dict.fromkeys(m for reading in found.values() for m in reading.evaluation.metrics if "/" not in m)
    )
    measured = any(reading.easiest is not None for reading in found.values())
    lines = [
        [
            maps,
            way,
            *(f"{reading.evaluation.metrics[m]:.2f}" for m in totals),
            *([_figure(reading.easiest)] if measured else []),
            f"{reading.pull:+.2f}",
        ]
        for (maps, way), reading in found.items()
    ]
    return [["maps", "read by", *totals, *(["easiest"] if measured else []), "pull"], *lines]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _show(rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for k, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if k < 2 else "right", no_wrap=True)
    for line in rows[1:]:
        table.add_row(*line)
    console = Console(highlight=False)
    (console if console.is_terminal else Console(highlight=False, width=200)).print(table)
