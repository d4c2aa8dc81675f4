"""`posereg version`."""

from __future__ import annotations

from posereg.cli.spec import Command

COMMAND = Command("version", "print posereg's version")


def run() -> int:
    """Print the installed version."""
    from importlib.metadata import version

    print(f"posereg {version('posereg')}")
    return 0
