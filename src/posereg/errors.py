"""What ends a program early: the user's mistakes, told in one line, and signals."""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. The command line prints the message alone, without a traceback, and exits with `exit_code`."""

    exit_code = 2


class FailedElsewhereError(UserError):
    """Another process of the same run failed; the message says how."""

    exit_code = 1


class Interrupted(BaseException):
    """A signal asked the program to end. Not an Exception, so that nothing takes it for a failure on its way up.

    Attributes:
        number: the signal; the exit code is 128 + number, as a shell reports it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"interrupted by {self.name}")

    @property
    def name(self) -> str:
        """`SIGTERM`, `SIGINT` ..."""
        return signal.Signals(self.number).name

    @property
    def exit_code(self) -> int:
        """128 + the signal's number."""
        return 128 + self.number


def nearest(name: str, valid: Iterable[str]) -> str:
    """`, did you mean 'x'?` for the closest valid name, or the valid names when none is close."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1)
    return f", did you mean '{close[0]}'?" if close else f"; valid: {', '.join(names)}"
