"""posereg data make kind=mpii out=DIR people=N     draw synthetic people into an official format
posereg data check data=NAME [data.root=DIR]      find missing files, boxes outside images, wrong counts
posereg data project data=h80k checkpoint=FILE    find 2D poses for CHALL_H80K with a 2D model

`posereg data make --help` and so on explain them.
"""

from __future__ import annotations

import importlib

from posereg.errors import UserError, nearest

HELP = "make: draw synthetic people; check: look a data set over; project: 2D poses for CHALL_H80K"
PARTS = ("make", "check", "project")


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: none of these parts, or what they say.
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
