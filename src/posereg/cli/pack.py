"""`posereg pack`: a trained run as a model file with its card."""

from __future__ import annotations

from pathlib import Path

from posereg.cli.spec import CHECKPOINT, DIR, FILE, NAME, TEXT, Command, Option, listed

COMMAND = Command(
    "pack",
    "make a model file and its card from a trained run",
    """
    Writes out/<name>/<name>.safetensors (half precision, averaged weights where the run has them) and card.yaml, and
    reads them back. The folder, or the file alone, is a checkpoint= of every command; put on a web server it is
    checkpoint=https://HOST/NAME.safetensors#sha256=DIGEST with the digest that the card states.
    """,
    options=(
        Option("checkpoint", CHECKPOINT, "a run's folder or checkpoint", required=True),
        Option("name", NAME, "what the model is called", required=True),
        Option("out", DIR, "gets a folder of that name", default=Path("models")),
        Option(
            "figures",
            listed(FILE),
            "result.json files whose figures the card states",
            default_text="the run's own",
        ),
        Option("about", TEXT, "a sentence for the card", default=""),
        Option("licence", TEXT, "for the card: the terms of the data it was trained on", default=""),
    ),
    examples=("posereg pack checkpoint=runs/mpii/single/H1/seed0 name=mine out=models",),
)


def run(checkpoint: str, name: str, out: Path, figures: list[Path] | None, about: str, licence: str) -> int:
    """Pack the run and print where it lies.

    Raises:
        UserError: a run that cannot be read, or a folder that cannot be written.
    """
    from posereg.predict.pack import pack

    card = pack(checkpoint, name, out, figures or (), about, licence)
    print(f"{card.weights}: {card.facts['megabytes']} MB, sha256 {card.sha256}")
    return 0
