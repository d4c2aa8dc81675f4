"""Where the optional real data lies: `POSEREG_SHARED`, or a folder `shared` beside the repository."""

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("POSEREG_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def shared(path: str) -> Path:
    """The file or folder below the shared data, or skip the test."""
    found = ROOT / path
    if not found.exists():
        pytest.skip(f"optional real data not found: shared/{path}")
    return found
