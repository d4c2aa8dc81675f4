"""Memory that was used for a while and is no longer needed."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Memory of arrays that are gone goes back to the system. glibc keeps most of it for the next small things, so that
    a large array made now would come on top. With another C library nothing happens."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return
    trim(0)
