"""The report page: one self-contained HTML file with table, figures, example pictures and provenance."""

from __future__ import annotations

import base64
import os
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posereg.errors import UserError
from posereg.figures.people import Example, data_uri
from posereg.files import write_text
from posereg.reporting import calibration, curves, readings, table
from posereg.reporting.collect import Row, Run, Table
from posereg.reporting.learning import still_learning
from posereg.reporting.reproduce import commands
from posereg.runs.folder import LOG, METRICS, PREDICTIONS

PROTOCOL_SHOWN = (
    "dataset", "split", "people", "images", "annotation_hash", "input_size", "box_source", "flip_test", "scales", "nms",
    "convention", "metric", "metric_version", "train_people", "effective_batch", "precision",
    "epochs", "optimizer", "schedule", "augment",
)  # fmt: skip

WIDEST = 1400  # pixels of a picture on the page
COMPARED = "compare.png"  # of `posereg figures checkpoint=A,B out=<the report's folder>`


def write(
    results: Table,
    path: Path,
    figures: Mapping[str, str],
    examples: Sequence[Example] = (),
    remarks: Sequence[str] = (),
) -> None:
    """Write the page.

    Args:
        figures: `<svg>` elements, of `report.figures_of`.
        examples: pictures to show; see `report.examples_of`.
        remarks: further lines under the table, e.g. why there are no pictures.
    """
    content = page(results, path.parent, figures, examples, remarks)
    write_text(path, content)


def page(
    results: Table,
    folder: Path,
    figures: Mapping[str, str],
    examples: Sequence[Example] = (),
    remarks: Sequence[str] = (),
) -> str:
    """The page's text; links to files are relative to `folder`."""
    rising = still_learning(results)
    read, refused = _readings(results)
    text: str = template("page.html.j2").render(
        table=results,
        main=_main(results, rising),
        details=_details(results),
        joints=[block for name in results.columns if (block := _joints(results, name))],
        confidence=_confidence(results),
        calibration=_calibration(results),
        readings=read,
        figures=figures,
        label=curves.metric_label(results),
        maps=_picture(folder / COMPARED),
        examples=[_example(example) for example in examples],
        drawn=[(row.name, row.seeds[0], shown) for row in results.run_rows if (shown := _drawn(row.runs[0]))],
        remarks=[*table.remarks(results, rising)[1:], *refused, *remarks],
        protocol=[
            (key.replace("_", " "), _text(results.shared[key]))
            for key in PROTOCOL_SHOWN
            if key in results.shared
        ],
        runs=[_run(run, folder) for row in results.run_rows for run in row.runs],
        versions=_common(results, "versions"),
        revision=_common(results, "git_revision"),
        commands=commands(results) if results.name else [],
    )
    return text


def template(name: str) -> Any:
    """A page's Jinja template; `style.css.j2` is the look that pages share."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("posereg.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _main(results: Table, rising: Container[str]) -> dict[str, Any]:
    """The main table: heads, then rows of (text, class, title) cells."""
    heads = table.headings(results)
    top = {name: table.best(results, name) for name, _ in heads}
    line_styles = curves.styles(results.run_rows)
    rows = []
    for row in results.rows:
        cells = [_cell(results, row, name, part, top[name]) for name, parts in heads for part in parts]
        style = line_styles.get(row.name)
        marks = {
            "color": style.color if style else "#cbd5e1",
            "dashed": bool(style and style.dash != "solid"),
        }
        kind, seeds = "" if row.runs else "absent", table.seeds(row, rising)
        rows.append({"row": row, "cells": cells, **marks, "kind": kind, "seeds": seeds})
    quoted = []
    for method, values in results.quoted:
        shown = [table.quoted_cell(values, name, part) for name, parts in heads for part in parts]
        quoted.append((method, shown))
    return {"heads": heads, "rows": rows, "quoted": quoted}


def _cell(results: Table, row: Row, name: str, part: str, top: str | None) -> dict[str, str]:
    text, kind, title = table.figures(results, row, name)[part], part.replace("Δ ", "delta-"), ""
    change = results.deltas.get((row.name, name))
    if part == "ours":
        kind += " best" if row.name == top else ""
        title = ", ".join(f"seed {s}: {v:.2f}" for s, v in zip(row.seeds, row.values(name), strict=False))
    if part == "Δ pair" and change is not None:
        text = text.removesuffix(table.MARK)
        title = f"against {change.against}"
        if change.low is not None:
            title += f"; 95 % interval {change.low:+.2f} to {change.high:+.2f}"
        if change.significant:
            kind += " gain" if (change.value > 0) == results.higher_is_better(name) else " loss"
    return {"text": text, "kind": kind, "title": title}


def _details(results: Table) -> list[tuple[str, str, str, str]]:
    """Row, metric, its seeds and its difference with the interval: what hovering shows, for fingers and paper."""
    lines = []
    for row in results.run_rows:
        for name in results.columns:
            pairs = zip(row.seeds, row.values(name), strict=False)
            seeds = ", ".join(f"{seed}: {table.number(name, value)}" for seed, value in pairs)
            change = results.deltas.get((row.name, name))
            gain = "" if change is None else f"{change.value:+.2f} over {change.against}"
            if change is not None and change.low is not None:
                gain += f" [{change.low:+.2f}, {change.high:+.2f}]"
            lines.append((row.name, name, seeds, gain.replace("-", "−")))
    return lines


def _joints(results: Table, name: str) -> dict[str, Any] | None:
    """Per-joint columns of a metric: what result.json has under `<metric>/...`, mean over seeds."""
    keys = [k for row in results.run_rows for run in row.runs for k in run.result["metrics"]]
    parts = [key for key in dict.fromkeys(keys) if key.startswith(f"{name}/") and not key.endswith("mean51")]
    if not parts:
        return None
    top = {key: table.best(results, key) for key in [*parts, name]}
    rows = [
        (row.name, [(table.number(key, row.mean(key)), top[key] == row.name) for key in [*parts, name]])
        for row in results.run_rows
    ]
    return {
        "name": name,
        "heads": [*(p.split("/", 1)[1].replace("_", " ") for p in parts), "Total"],
        "rows": rows,
    }


def _confidence(results: Table) -> dict[str, Any] | None:
    """What a cascade's networks say at visible and occluded joints (`CascadePose.measured`), mean over seeds."""
    keys = [k for row in results.run_rows for run in row.runs for k in run.result["metrics"]]
    shown = [key for key in dict.fromkeys(keys) if key.startswith(("peak/", "at_joint/"))]
    if not shown:
        return None
    rows = [(row.name, [table.number(key, row.mean(key)) for key in shown]) for row in results.run_rows]
    return {"heads": [key.replace("_", " ").replace("/", ", ") for key in shown], "rows": rows}


def _calibration(results: Table) -> dict[str, Any] | None:
    """Expected calibration error and rank correlation of every row, best in bold."""
    found = calibration.rows(results)
    if not found:
        return None
    ranks = {name: row["correlation"] for name, row in found.items() if row["correlation"] is not None}
    least = min(found, key=lambda name: found[name]["ECE"]) if len(found) > 1 else None
    most = max(ranks, key=ranks.__getitem__) if len(ranks) > 1 else None
    lines = [
        (name, [
            (table.number("ECE", row["ECE"]), name == least),
            (table.number("correlation", row["correlation"]), name == most),
        ])
        for name, row in found.items()
    ]  # fmt: skip
    return {"of": next(iter(found.values()))["of"], "rows": lines}


def _readings(results: Table) -> tuple[tuple[list[str], list[tuple[str, list[str]]]] | None, list[str]]:
    """The table of maps read in several ways; or why there is none, where a file cannot be used."""
    try:
        return readings.block(results), []
    except UserError as error:
        return None, [f"Maps read in other ways are not shown: {error}"]


def _drawn(run: Run) -> list[tuple[str, str]]:
    """Titles and `data:` addresses of the pictures that the run itself drew (`PoseModule.draw`)."""
    import cv2

    shown = []
    for name, file in run.result.get("files", {}).items():
        path = run.own_file(file)
        if path is None or path.suffix not in (".png", ".jpg"):
            continue
        picture = cv2.imread(str(path))
        if picture is None:
            continue
        factor = WIDEST / picture.shape[1]
        if factor < 1:
            picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        title = name.removeprefix("figure_").removesuffix("_figure").replace("_", " ")
        shown.append((title, data_uri(np.asarray(picture, np.uint8)[..., ::-1])))
    return shown


def _picture(path: Path) -> str:
    """A PNG as a `data:` address; nothing where there is none."""
    if not path.is_file():
        return ""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _example(example: Example) -> dict[str, Any]:
    tiles = [(label, data_uri(picture), example.errors.get(label)) for label, picture in example.tiles]
    return {"person": example.person, "tiles": tiles}


def _run(run: Run, folder: Path) -> dict[str, Any]:
    training = run.result.get("training", {})
    files = {"result": run.path, "log": run.folder / LOG, "curves": run.folder / METRICS,
             "predictions": run.folder / PREDICTIONS}  # fmt: skip
    place = Path(os.path.relpath(run.folder, folder))
    links = [(name, (place / path.name).as_posix()) for name, path in files.items() if path.exists()]
    return {
        "row": run.result["row"],
        "seed": run.result["seed"],
        "trained_as": run.result.get("trained_as", ""),
        "after": run.result.get("started_from", {}).get("row", ""),
        "hash": run.result.get("config_hash", ""),
        "minutes": f"{training['seconds'] / 60:.1f}" if "seconds" in training else "–",
        "rate": f"{training['images_per_s']:.0f}" if "images_per_s" in training else "–",
        "wait": f"{100 * training['data_wait']:.1f} %" if "data_wait" in training else "–",
        "links": links,
    }


def _common(results: Table, key: str) -> str:
    """A provenance field of the runs: its distinct values."""
    values = [run.result.get(key) for row in results.run_rows for run in row.runs]
    texts = [", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value or "–")
             for value in values]  # fmt: skip
    return "; ".join(dict.fromkeys(texts))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " × ".join(str(item) for item in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
