"""MATLAB files without a date in the header: the same set is the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HEADER = b"MATLAB 5.0 MAT-file, posereg synthetic people"


def save(path: Path, variables: dict[str, Any]) -> None:
    """Write variables by name (arrays, or dicts as structures) as a compressed MATLAB 5 file."""
    from scipy.io import savemat

    savemat(path, variables, do_compression=True)
    with open(path, "r+b") as file:
        file.write(HEADER.ljust(116))
