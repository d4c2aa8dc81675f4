"""The one exception for the user's mistakes; its message names the file or field and says what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. The command line prints the message alone, without a traceback, and exits with 2."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """`, did you mean 'x'?` for the closest valid name, or the valid names when none is close."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1)
    return f", did you mean '{close[0]}'?" if close else f"; valid: {', '.join(names)}"
