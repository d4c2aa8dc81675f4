"""Model cards: a folder with the weights and a card.yaml that says what they are, how good, and under what licence.

The models that come with posereg are the folders of `shipped/`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posereg.errors import UserError, nearest
from posereg.files import read_yaml, reading, write_text

CARD = "card.yaml"
SHIPPED = Path(__file__).parent / "shipped"
# What commands use where no checkpoint is named.
DEFAULT = "body16-r18"


@dataclass(frozen=True)
class Card:
    """What card.yaml says.

    Attributes:
        folder: where it lies.
        file: the weights, in the same folder.
        sha256: of the weights.
        facts: everything else by name: method, backbone, skeleton, joints, input_size, parameters, data, licence,
            results ...
    """

    folder: Path
    name: str
    file: str
    sha256: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> Path:
        """The weights file."""
        return self.folder / self.file


def read_card(folder: Path) -> Card:
    """The card of a model's folder.

    Raises:
        UserError: missing or damaged card.
    """
    path = folder / CARD
    content = read_yaml(path, "a model card")
    with reading(path, "a model card"):
        name, file, digest = (str(content.pop(key)) for key in ("name", "file", "sha256"))
        if Path(file).name != file:
            raise UserError(f"{path}: file: '{file}' must lie in the card's folder")
    return Card(folder, name, file, digest, content)


def write_card(card: Card) -> None:
    """Write card.yaml into the card's folder."""
    import yaml

    content = {"name": card.name, "file": card.file, "sha256": card.sha256, **card.facts}
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    write_text(card.folder / CARD, text)


def shipped() -> dict[str, Card]:
    """The models that come with posereg, by name."""
    cards = [read_card(path.parent) for path in sorted(SHIPPED.glob(f"*/{CARD}"))]
    return {card.name: card for card in cards}


def default_name() -> str:
    """The shipped model that is used where none is named.

    Raises:
        UserError: no model comes with this copy of posereg.
    """
    names = list(shipped())
    if DEFAULT in names:
        return DEFAULT
    if len(names) == 1:
        return names[0]
    raise UserError(
        "checkpoint: no model comes with this copy of posereg; name one: checkpoint=a run's folder, a .ckpt or "
        ".safetensors file, or URL#sha256=DIGEST"
        if not names
        else f"checkpoint: several models come with posereg; name one: {', '.join(names)}"
    )


def shipped_card(name: str) -> Card:
    """
    Raises:
        UserError: no model of that name comes with posereg.
    """
    cards = shipped()
    if name not in cards:
        hint = nearest(name, cards) if cards else "; none comes with this copy of posereg"
        raise UserError(f"unknown model '{name}'{hint}")
    return cards[name]
