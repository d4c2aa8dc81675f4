"""One thing that is wrong with a config."""

from __future__ import annotations

from typing import Any, NamedTuple

from posereg.settings.words import shown

NO_VALUE = object()


class Problem(NamedTuple):
    """`key=value: text`, or `key: text` where it is about the key."""

    key: str
    text: str
    value: Any = NO_VALUE

    def __str__(self) -> str:
        value = "" if self.value is NO_VALUE else f"={shown(self.value)}"
        # What the text quotes of the config may be anything.
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in self.text)
        return f"{self.key}{value}: {text}"
