"""Draw synthetic people into the official format of a data set.

posereg data make kind=mpii out=DIR people=2000 [seed=0] [size=256] [workers=1]

kind      mpii, lsp, lspet (people=N), coco, crowdpose, h80k (images=N)
out       folder to make; an identical set that is there is kept, anything else is refused
size      side of a picture in pixels
workers   processes; the pictures do not depend on it
"""

from __future__ import annotations

import time
from pathlib import Path

from posereg.cli._arguments import parse
from posereg.errors import UserError, nearest

KEYS = ("kind", "out", "people", "images", "seed", "size", "workers")


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: unknown or missing key, or a value that is no number.
    """
    from posereg.data.synthetic.make import KINDS, RECORD, make
    from posereg.files import read_json

    found = parse(arguments, "data make", KEYS)
    for key in ("kind", "out"):
        if not found.get(key):
            raise UserError(f"posereg data make: {key}= is missing")
    kind = found["kind"]
    if kind not in KINDS:
        raise UserError(f"posereg data make: kind={kind} is no synthetic data set{nearest(kind, KINDS)}")
    unit = KINDS[kind][2]
    other = {"people": "images", "images": "people"}[unit]
    if other in found:
        raise UserError(f"posereg data make: kind={kind} counts {unit}; give {unit}= instead of {other}=")
    numbers = {
        name: _number(found, name, default) for name, default in (("seed", 0), ("size", 256), ("workers", 1))
    }
    count = _number(found, unit, 1000)
    out = Path(found["out"])
    there = (out / RECORD).exists()
    start = time.perf_counter()
    make(kind, out, count, **numbers)
    counts = ", ".join(f"{value} {name}" for name, value in read_json(out / RECORD)["counts"].items())
    seconds = time.perf_counter() - start
    print(f"{out}: {kind}, {counts}" + (" (was there already)" if there else f" ({seconds:.1f} s)"))
    return 0


def _number(found: dict[str, str], key: str, default: int) -> int:
    text = found.get(key, str(default))
    if not text.lstrip("-").isdigit():
        raise UserError(f"posereg data make: {key}={text} is not a whole number")
    return int(text)
