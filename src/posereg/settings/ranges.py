"""Names for the values that settings may take, to annotate a constructor with: `width: Positive = 1.0`.

A class says what its arguments may be where it is declared; the check of a config (`settings/check.py`) reads the
annotations of every `_target_`. Any constraint of `annotated_types` works in `Annotated[...]` beside these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Interval, Len, MultipleOf


@dataclass(frozen=True)
class Among:
    """One of names that are known only when the config is checked.

    Attributes:
        names: gives the valid names.
        known: whether a name is valid, where that is more than being listed.
    """

    names: Callable[[], Iterable[str]]
    known: Callable[[str], bool] | None = None

    def has(self, name: str) -> bool:
        """Whether the name is valid."""
        return self.known(name) if self.known is not None else name in set(self.names())


@dataclass(frozen=True)
class Is:
    """A condition in words: `Annotated[str, Is("a file name", function)]`."""

    words: str
    holds: Callable[[object], bool]


# Above a thousand million nothing is counted or weighed: such a number is a slip, and single precision and 32-bit
# whole numbers end not far above it.
MOST = 10**9
Count = Annotated[int, Interval(ge=1, le=MOST)]  # at least one
Whole = Annotated[int, Interval(ge=0, le=MOST)]  # how many, also none
Positive = Annotated[float, Interval(gt=0, le=MOST)]
NotNegative = Annotated[float, Interval(ge=0, le=MOST)]
Spread = Annotated[float, Interval(ge=0.01, le=10_000)]  # of a Gaussian or a disc: cells or pixels
Share = Annotated[float, Interval(ge=0, le=1)]  # of a whole; a chance
Side = Annotated[int, Interval(ge=32, le=8192)]  # of an input, pixels
Size = tuple[Side, Side]  # width, height
Channels = Annotated[int, Interval(ge=1, le=65536)]
Seed = Annotated[int, Interval(ge=0, le=2**32 - 1)]  # what numpy's and Lightning's generators take
Zoom = Annotated[float, Interval(gt=0, le=16)]  # a factor on a size
Rgb = tuple[float, float, float]


def rising(values: object) -> bool:
    """Whether no number of a list is below the one before it."""
    numbers = list(values) if isinstance(values, list | tuple) else []
    return numbers == sorted(numbers)


Range = Annotated[tuple[Count, Count], Is("the first and the last, from 1, the smaller first", rising)]


def is_part(name: object) -> bool:
    """Whether a text is one folder's name on every system: no separator, no control character, not `.` or `..`."""
    return (
        isinstance(name, str)
        and 0 < len(name.encode(errors="replace")) <= 200
        and re.search(r'[/\\:*?"<>|\x00-\x1f\x7f]', name) is None
        and name.isprintable()
        and name == name.strip()
        and name.strip(".") != ""
    )


def is_path(name: object) -> bool:
    """Whether a text is folders below one another, each a safe name."""
    return isinstance(name, str) and all(is_part(part) for part in name.split("/"))


def is_text(name: object) -> bool:
    """Whether a text can name a file: not empty, no control character."""
    return isinstance(name, str) and bool(name.strip()) and name.isprintable()


Name = Annotated[str, Is("a folder's name, without / and not ..", is_part)]
Names = Annotated[str, Is("folder names joined by /, without ..", is_path)]
File = Annotated[str, Is("a path", is_text)]

__all__ = [
    "Among", "Annotated", "Channels", "Count", "File", "Ge", "Gt", "Interval", "Is", "Len", "MultipleOf", "Name",
    "Names", "NotNegative", "Positive", "Range", "Rgb", "Seed", "Share", "Side", "Size", "Spread", "Whole", "Zoom",
    "rising",]  # fmt: skip
