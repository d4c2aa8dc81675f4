"""Make a synthetic data set on disk: whole or not at all, and not twice."""

from __future__ import annotations

import importlib
from dataclasses import asdict
from pathlib import Path

from posereg.data.synthetic.pictures import STYLES, Options
from posereg.errors import UserError, nearest
from posereg.files import read_json, whole_folder, write_json

# kind: module of `writers`, function, what `count` counts
KINDS = {
    "mpii": ("mpii", "write", "people"),
    "lsp": ("lsp", "write", "people"),
    "lspet": ("lsp", "write_extended", "people"),
    "coco": ("coco", "write", "images"),
    "crowdpose": ("crowdpose", "write", "images"),
    "h80k": ("h80k", "write", "images"),
}
RECORD = "synthetic.json"
VERSION = 1  # of the drawn content; a new one makes old sets differ


def make(
    kind: str,
    out: Path | str,
    count: int,
    seed: int = 0,
    size: int = 256,
    workers: int = 1,
    style: str = "textured",
) -> Path:
    """Draw a data set into the folder `out` in the official format of `kind`.

    Pictures depend on (seed, index, size, style) alone, not on `workers`. An identical set that is there already is
    left as it is.

    Args:
        kind: mpii, lsp, lspet, coco, crowdpose or h80k.
        count: labelled people (mpii, lsp, lspet) or pictures (the others).
        size: pixels of a picture's side (for coco and crowdpose of its longer side).
        style: textured, or plain: people in two-coloured suits before a studio wall, which small networks learn.

    Raises:
        UserError: unknown kind, bad numbers, `out` holds something else, or the disk is full.
    """
    if kind not in KINDS:
        raise UserError(f"kind={kind} is not a synthetic data set{nearest(kind, KINDS)}")
    out = Path(out)
    module, function, unit = KINDS[kind]
    for name, value, low, high in (
        (unit, count, 1, 10**6),
        ("size", size, 64, 2048),
        ("workers", workers, 1, 256),
    ):
        if not low <= value <= high:
            raise UserError(f"{name}={value} is outside {low} to {high}")
    if seed < 0:
        raise UserError(f"seed={seed} is negative")
    if style not in STYLES:
        raise UserError(f"style={style} is none of {', '.join(STYLES)}{nearest(style, STYLES)}")
    options = Options(count=count, seed=seed, size=size, workers=workers, style=style)
    wanted = {"kind": kind, "version": VERSION, **asdict(options)}
    del wanted["workers"]
    if out.exists() and _is_there(out, wanted):
        return out
    with whole_folder(out) as partial:
        writer = getattr(importlib.import_module(f"posereg.data.synthetic.writers.{module}"), function)
        counts: dict[str, int] = writer(partial, options)
        write_json(partial / RECORD, {**wanted, "counts": counts})
    return out


def _is_there(out: Path, wanted: dict[str, object]) -> bool:
    """Whether the same set lies there; an empty folder is free.

    Raises:
        UserError: something else lies there.
    """
    if not out.is_dir():
        raise UserError(f"{out} is a file; give another out=")
    if not any(out.iterdir()):
        return False
    record = out / RECORD
    if not record.exists():
        raise UserError(f"{out} is not empty and not a synthetic data set; give another out=")
    recorded = {"style": STYLES[0], **read_json(record)}  # older records name no style
    different = [
        f"{key}={recorded.get(key)} (asked: {value})"
        for key, value in wanted.items()
        if recorded.get(key) != value
    ]
    if different:
        raise UserError(
            f"{out} holds another synthetic set: {', '.join(different)}; remove it or give another out="
        )
    return True
