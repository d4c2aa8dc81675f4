"""When Python looks for cycles of objects that nothing refers to any more.

It does so every 700 new objects, and through all objects once more when the process ends. Results and imports are
hundreds of thousands of objects that stay and have no cycles: a seventh of a large table's time.
"""

from __future__ import annotations

import atexit
import gc

_USUAL = gc.get_threshold()


def seldom() -> None:
    """From here on every million objects: until a training begins."""
    gc.set_threshold(1_000_000, 50, 50)


def usual() -> None:
    """From here on as Python does by itself: what runs for hours may leave cycles that hold much memory."""
    gc.set_threshold(*_USUAL)


def imported() -> None:
    """What is there by now, imports for the most part, stays until the process ends: it is never looked through again.
    Of several runs in one process only the first one's is, as later on there may be cycles that hold much memory."""
    if not gc.get_freeze_count():
        gc.freeze()


def until_the_end() -> None:
    """`seldom`, and not at the end of the process either: for commands that read, print and end."""
    seldom()
    atexit.register(gc.freeze)
