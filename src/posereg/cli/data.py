"""posereg data make kind=mpii out=DIR people=N     draw synthetic people into an official format
posereg data check data=NAME [data.root=DIR]      find missing files, boxes outside images, wrong counts

`posereg data make --help` and `posereg data check --help` explain them.
"""

from __future__ import annotations

import importlib

from posereg.errors import UserError, nearest

HELP = "make: draw synthetic people; check: look a data set over"
PARTS = ("make", "check")


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: neither make nor check, or what they say.
    """
    name, *rest = arguments or [""]
    if name not in PARTS:
        raise UserError(f"posereg data: unknown part '{name}'{nearest(name, PARTS)}")
    if rest in (["-h"], ["--help"]):
        from posereg.cli.main import literals

        print(literals(f"{name}_data")[0])
        return 0
    status: int = importlib.import_module(f"posereg.cli.{name}_data").run(rest)
    return status
