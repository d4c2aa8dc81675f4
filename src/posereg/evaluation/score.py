"""Score a predictions file, print the table, write the figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

from posereg.evaluation import foreign
from posereg.files import write_json
from posereg.records.evaluation import Evaluation
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions

Evaluate = Callable[[PoseSet, Predictions], Evaluation]


def score(
    poses: PoseSet,
    predictions: Path | str,
    evaluate: Evaluate,
    out: Path | str | None = None,
    one_based: bool | None = None,
    show: bool = True,
) -> Evaluation:
    """Score predictions of `poses` from any source.

    Args:
        predictions: any file that `foreign.read` knows.
        evaluate: `pckh.evaluate`, `lsp.evaluate`, `oks.evaluate`, `crowdpose.evaluate`, `mpjpe.evaluate` ...
        out: JSON file for `metrics`, `curve` and `protocol`.
        one_based: as in `foreign.read`.
        show: print the tables.

    Raises:
        UserError: files that are missing, foreign, or do not fit.
    """
    evaluation = evaluate(poses, foreign.read(predictions, poses, one_based))
    evaluation.protocol.setdefault("source", Path(predictions).name)
    if show:
        print_tables(evaluation)
    if out is not None:
        write_json(out, evaluation.as_json())
    return evaluation


def tables(metrics: dict[str, float]) -> list[tuple[str, dict[str, float]]]:
    """The metrics as tables: the totals, and for each metric with columns (`PCKh@0.5/Head`) a row of them.

    Returns:
        title and name -> value; a metric's own total closes its row as `Total`.
    """
    totals = {name: value for name, value in metrics.items() if "/" not in name}
    rows: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        if "/" in name:
            metric, _, column = name.rpartition("/")
            rows.setdefault(metric, {})[column] = value
    titled = [("", totals)]
    for metric, columns in rows.items():
        if len(columns) == 1:
            totals |= {f"{metric}/{name}": value for name, value in columns.items()}
        else:
            titled.append((metric, columns | ({"Total": totals[metric]} if metric in totals else {})))
    return titled


def print_tables(evaluation: Evaluation) -> None:
    """Totals, then the columns of each metric, then what was counted."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for title, columns in tables(evaluation.metrics):
        # Wide rows (one column per joint) break after a dozen columns.
        for part in _chunks(list(columns.items()), 12):
            table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
            for name, _ in part:
                table.add_column(name, justify="right", no_wrap=True)
            table.add_row(*("-" if math.isnan(value) else f"{value:.2f}" for _, value in part))
            console.print(table)
            console.print()
    counted = {k: v for k, v in evaluation.protocol.items() if isinstance(v, int) and not isinstance(v, bool)}
    console.print(f"{evaluation.protocol.get('metric_version', '')}", style="dim")
    console.print(
        ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in counted.items()), style="dim"
    )
    for name, reason in evaluation.protocol.get("undefined", {}).items():
        console.print(f"{name}: {reason}", style="dim")


def _chunks(items: list[tuple[str, float]], size: int) -> Iterable[list[tuple[str, float]]]:
    return (items[start : start + size] for start in range(0, len(items), size))
