"""`posereg models`: the trained models that come with posereg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posereg.cli.spec import TEXT, Command, Option

if TYPE_CHECKING:
    from posereg.models.cards import Card

COMMAND = Command(
    "models",
    "list the trained models that come with posereg, or print a card",
    """
    Every command's checkpoint= takes these names; also a run's folder, a .ckpt or .safetensors file,
    https://HOST/FILE#sha256=DIGEST, and hf:OWNER/NAME, a ViTPose of Hugging Face (pip install 'posereg[hf]').
    """,
    positional=(Option("name", TEXT, "print the card of this model"),),
    examples=("posereg models",),
)


def run(name: str | None) -> int:
    """Print the list, or one card.

    Raises:
        UserError: no model of that name.
    """
    from posereg.files import read_text
    from posereg.models import cards

    if name is not None:
        card = cards.shipped_card(name)
        print(read_text(card.folder / cards.CARD).rstrip())
        return 0
    models = cards.shipped()
    if not models:
        print("no model comes with this copy of posereg; `posereg pack` makes one of a run")
        return 0
    _print(list(models.values()))
    return 0


def _print(models: list[Card]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("name", "method", "backbone", "joints", "input", "MB", "figures"):
        table.add_column(title)
    for card in models:
        facts = card.facts
        joints = f"{facts['skeleton']}, {len(facts['joints'])}"
        size = "x".join(map(str, facts["input_size"]))
        backbone = str(facts.get("backbone", ""))
        table.add_row(
            card.name, facts["method"], backbone, joints, size, str(facts["megabytes"]), _figures(facts)
        )
    Console(highlight=False).print(table)


def _figures(facts: dict[str, Any]) -> str:
    """`mpii PCKh@0.5 75.1, lspet PCK@0.2 61.0`: the first total of each evaluation."""
    shown = []
    for result in facts.get("results", ()):
        totals = [(k, v) for k, v in result["metrics"].items() if "/" not in k]
        shown += [f"{result['data']} {name} {value:.1f}" for name, value in totals[:1]]
    return ", ".join(shown)
