"""A progress bar for loops outside training, on standard error; silent when the output is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def tracked(items: Iterable[T], total: int, title: str) -> Iterator[T]:
    """The items, with a bar of how many of `total` are done and how long the rest will take."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, total=total, description=title, console=Console(stderr=True))
