"""The folders of runs that a command reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from posereg.errors import UserError


def runs_or_default(folders: Sequence[Path] | None) -> list[Path]:
    """The folders given, or `runs` of the working directory.

    Raises:
        UserError: no folder was named, and there is no `runs`.
    """
    if folders:
        return list(folders)
    if not Path("runs").is_dir():
        raise UserError("runs: no such folder; name the folders of your runs with runs=DIR,...")
    return [Path("runs")]
