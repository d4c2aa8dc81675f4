"""`posereg errors`: which error of predicted poses costs what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from posereg.cli.spec import FILE, NAME, Command, Option, listed
from posereg.errors import UserError

if TYPE_CHECKING:
    from posereg.records.evaluation import Evaluation

COMMAND = Command(
    "errors",
    "error analysis of predictions: jitter, miss, inversion, swap and what each costs",
    """
    For COCO and CrowdPose predictions, and those of a data set of your own whose annotations have areas (or whose file
    says metrics.oks.area: box). Several files are shown side by side.
    """,
    config="data",
    options=(
        Option("predictions", listed(FILE), "our predictions.npz or COCO result JSON", required=True),
        Option("labels", listed(NAME), "what to call each file", default_text="the file names"),
        Option("out", FILE, "also write {metrics, protocol} there, by label if there are several files"),
        Option("figure", FILE, "stacked bars of the four kinds, one bar per file (png, svg or pdf)"),
        Option("split", NAME, "split of the data set", default_text="the validation split"),
    ),
    examples=(
        "posereg errors data=coco predictions=runs/a/predictions.npz,runs/b/predictions.npz labels=A,B",
    ),
)
FIGURES = (".png", ".svg", ".pdf")


def run(
    overrides: list[str],
    predictions: list[Path],
    labels: list[str] | None,
    out: Path | None,
    figure: Path | None,
    split: str | None,
) -> int:
    """Print the shares of each kind of error and what correcting it brings.

    Raises:
        UserError: a data set without OKS, files that are missing or do not fit, or labels that do not match them.
    """
    from posereg.cli.data_source import source_of

    labels = labels or _labels(predictions)
    if len(labels) != len(predictions) or len(set(labels)) < len(labels):
        raise UserError(
            f"posereg errors: {len(predictions)} predictions need as many different labels, not {', '.join(labels)}"
        )
    if figure is not None and figure.suffix not in FIGURES:
        raise UserError(f"posereg errors: figure={figure} must end in {', '.join(FIGURES)}")
    source = source_of(overrides)
    if source.file is None and source.skeleton not in ("coco", "crowdpose"):
        raise UserError(
            f"posereg errors: data={source.name} has no OKS; the error analysis needs COCO or CrowdPose poses"
        )

    from posereg.evaluation import keypoint_errors as errors
    from posereg.evaluation.score import score

    poses = source.read_truth(split or source.val_split)
    evaluate = (
        errors.evaluate if source.file is None else partial(errors.evaluate, own_area=_area(source.file))
    )
    evaluations = {
        label: score(poses, file, evaluate, show=False)
        for label, file in zip(labels, predictions, strict=True)
    }
    show(evaluations, poses.skeleton.joints)
    _write(evaluations, out, figure)
    return 0


def _area(file: str | Path) -> str:
    """Which areas OKS measures by, as the description of the data set says."""
    from posereg.settings import own_data

    wanted = own_data.read(file)["metrics"].get("oks")
    return str(wanted.get("area", "annotated")) if isinstance(wanted, dict) else "annotated"


def show(evaluations: Mapping[str, Evaluation], joints: Sequence[str]) -> None:
    """Shares by kind, what correcting each brings, and for a single file the shares by joint."""
    from rich.console import Console

    from posereg.evaluation.keypoint_errors import CORRECTION_ORDER, KINDS

    console = Console(highlight=False)
    metrics = {label: evaluation.metrics for label, evaluation in evaluations.items()}
    console.print(_table("labelled joints of the matched people, percent", metrics, KINDS))
    console.print(_table("average precision", metrics, ("AP", "AP50", "AP75")))
    gains = {kind: f"gain/AP/{kind}" for kind in CORRECTION_ORDER}
    console.print(_table("AP gained when one kind is corrected", metrics, list(gains.values()), list(gains)))
    if len(evaluations) == 1:
        (values,) = metrics.values()
        by_joint = {joint: {kind: values[f"{kind}/{joint}"] for kind in KINDS} for joint in joints}
        console.print(_table("by joint, percent", by_joint, KINDS))
    for label, evaluation in evaluations.items():
        counts = ", ".join(
            f"{k.replace('_', ' ')} {evaluation.protocol[k]}" for k in ("matched", "joints_counted")
        )
        console.print(f"{label}: {counts}; {evaluation.protocol['metric_version']}", style="dim")


def _table(
    title: str, rows: Mapping[str, Mapping[str, float]], keys: Sequence[str], heads: Sequence[str] = ()
) -> object:
    import math

    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for head in heads or keys:
        table.add_column(head, justify="right")
    for label, values in rows.items():
        table.add_row(label, *("-" if math.isnan(values[key]) else f"{values[key]:.2f}" for key in keys))
    return table


def _write(evaluations: Mapping[str, Evaluation], out: Path | None, figure: Path | None) -> None:
    from posereg.files import write_json

    if out is not None:
        parts = {
            label: {k: v for k, v in e.as_json().items() if k != "curve"} for label, e in evaluations.items()
        }
        write_json(out, next(iter(parts.values())) if len(parts) == 1 else parts)
    if figure is not None:
        from posereg.figures.canvas import save
        from posereg.reporting.error_kinds import error_bars

        panels = {"errors": {label: evaluation.metrics for label, evaluation in evaluations.items()}}
        save(error_bars(panels), figure)


def _labels(files: Sequence[Path]) -> list[str]:
    """File names, or paths where names are the same."""
    names = [file.stem for file in files]
    return names if len(set(names)) == len(names) else [str(file) for file in files]
