"""Which error costs what: jitter, miss, inversion and swap of COCO or CrowdPose predictions.

posereg errors data=coco data.annotations=FILE predictions=FILE[,FILE ...] [labels=NAME,NAME ...]
               [out=FILE.json] [figure=FILE.png] [split=NAME]

predictions   our predictions.npz or COCO result JSON; several are laid side by side, named by labels
out           also write {"metrics", "protocol"} there, by label if there are several files
figure        stacked bars of the four kinds, a bar a file (png, svg or pdf)
split         default: the data set's validation split
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posereg.errors import UserError

if TYPE_CHECKING:
    from posereg.records.evaluation import Evaluation

HELP = "error analysis of predictions: jitter, miss, inversion, swap and what each costs"
KEYS = ("predictions", "labels", "out", "figure", "split")
FIGURES = (".png", ".svg", ".pdf")


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: a data set without OKS, files that are missing or do not fit, or labels that do not match them.
    """
    from posereg.cli._source import source_of, split_arguments

    own, overrides = split_arguments(arguments, "errors", KEYS)
    if not own.get("predictions"):
        raise UserError("posereg errors: predictions= is missing")
    files = own["predictions"].split(",")
    labels = own["labels"].split(",") if "labels" in own else _labels(files)
    if len(labels) != len(files) or len(set(labels)) < len(labels):
        raise UserError(
            f"posereg errors: {len(files)} predictions need as many different labels, not {', '.join(labels)}"
        )
    if "figure" in own and Path(own["figure"]).suffix not in FIGURES:
        raise UserError(f"posereg errors: figure={own['figure']} must end in {', '.join(FIGURES)}")
    source = source_of(overrides)
    if source.skeleton not in ("coco", "crowdpose"):
        raise UserError(
            f"posereg errors: data={source.name} has no OKS; the error analysis needs COCO or CrowdPose poses"
        )

    from posereg.evaluation import keypoint_errors as errors
    from posereg.evaluation.score import score

    poses = source.read_truth(own.get("split", source.val_split))
    found = {
        label: score(poses, file, errors.evaluate, show=False)
        for label, file in zip(labels, files, strict=True)
    }
    show(found, poses.skeleton.joints)
    _write(found, own)
    return 0


def show(found: Mapping[str, Evaluation], joints: Sequence[str]) -> None:
    """Shares by kind, what correcting each brings, and for a single file the shares by joint."""
    from rich.console import Console

    from posereg.evaluation.keypoint_errors import CORRECTION_ORDER, KINDS

    console = Console(highlight=False)
    metrics = {label: evaluation.metrics for label, evaluation in found.items()}
    console.print(_table("labelled joints of the matched people, percent", metrics, KINDS))
    console.print(_table("average precision", metrics, ("AP", "AP50", "AP75")))
    gains = {kind: f"gain/AP/{kind}" for kind in CORRECTION_ORDER}
    console.print(_table("AP gained when one kind is corrected", metrics, list(gains.values()), list(gains)))
    if len(found) == 1:
        (values,) = metrics.values()
        by_joint = {joint: {kind: values[f"{kind}/{joint}"] for kind in KINDS} for joint in joints}
        console.print(_table("by joint, percent", by_joint, KINDS))
    for label, evaluation in found.items():
        told = ", ".join(
            f"{k.replace('_', ' ')} {evaluation.protocol[k]}" for k in ("matched", "joints_counted")
        )
        console.print(f"{label}: {told}; {evaluation.protocol['metric_version']}", style="dim")


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


def _write(found: Mapping[str, Evaluation], own: Mapping[str, str]) -> None:
    from posereg.files import write_json

    if "out" in own:
        parts = {label: {k: v for k, v in e.as_json().items() if k != "curve"} for label, e in found.items()}
        write_json(own["out"], next(iter(parts.values())) if len(parts) == 1 else parts)
    if "figure" in own:
        from posereg.reporting.curves import save
        from posereg.reporting.error_kinds import error_bars

        panels = {"errors": {label: evaluation.metrics for label, evaluation in found.items()}}
        save(error_bars(panels), own["figure"])


def _labels(files: Sequence[str]) -> list[str]:
    """File names, or paths where names are the same."""
    names = [Path(file).stem for file in files]
    return names if len(set(names)) == len(names) else list(files)
