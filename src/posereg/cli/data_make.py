"""`posereg data make`: synthetic people in the official format of a data set."""

from __future__ import annotations

import time
from pathlib import Path

from posereg.cli.spec import DIR, Command, Option, choice, whole
from posereg.errors import UserError

# Kinds of data set, and what each counts; tests hold them equal to posereg.data.synthetic.make.KINDS.
PEOPLE, IMAGES = ("mpii", "lsp", "lspet"), ("coco", "crowdpose", "h80k")
STYLES = ("textured", "plain")  # a test holds them equal to posereg.data.synthetic.pictures.STYLES

COMMAND = Command(
    "data make",
    "draw synthetic people into the official format of a data set",
    "An identical set in the folder is kept; any other content is refused.",
    options=(
        Option("kind", choice(*PEOPLE, *IMAGES), "whose format", required=True),
        Option("out", DIR, "folder to make", required=True),
        Option("people", whole(1), f"how many, of {', '.join(PEOPLE)}", default_text="1000"),
        Option("images", whole(1), f"how many, of {', '.join(IMAGES)}", default_text="1000"),
        Option("seed", whole(0), "seed of the drawing", default=0),
        Option("size", whole(1), "side of a picture in pixels", default=256),
        Option(
            "style", choice(*STYLES), "plain: people in two-coloured suits, easy to learn", default=STYLES[0]
        ),
        Option("workers", whole(1), "processes; the pictures do not depend on it", default=1),
    ),
    examples=("posereg data make kind=mpii out=data/demo people=3000 size=128 workers=2",),
)


def run(
    kind: str,
    out: Path,
    people: int | None,
    images: int | None,
    seed: int,
    size: int,
    style: str,
    workers: int,
) -> int:
    """Draw the set and print what it holds.

    Raises:
        UserError: images= where people are counted or the reverse, or a folder that holds something else.
    """
    from posereg.data.synthetic.make import RECORD, make
    from posereg.files import read_json

    count, other = (people, images) if kind in PEOPLE else (images, people)
    if other is not None:
        unit, wrong = ("people", "images") if kind in PEOPLE else ("images", "people")
        raise UserError(f"posereg data make: kind={kind} counts {unit}; give {unit}= instead of {wrong}=")
    there = (out / RECORD).exists()
    start = time.perf_counter()
    make(kind, out, count or 1000, seed=seed, size=size, workers=workers, style=style)
    counts = ", ".join(f"{value} {name}" for name, value in read_json(out / RECORD)["counts"].items())
    seconds = time.perf_counter() - start
    print(f"{out}: {kind}, {counts}" + (" (was there already)" if there else f" ({seconds:.1f} s)"))
    return 0
