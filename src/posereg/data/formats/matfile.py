"""MATLAB files (.mat, not v7.3), with one clear error for whatever is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posereg.errors import UserError
from posereg.files import reading


def load(path: Path, **options: Any) -> dict[str, Any]:
    """`scipy.io.loadmat`.

    Raises:
        UserError: missing, truncated or no MATLAB file.
    """
    from scipy.io import loadmat

    with _reading(path):
        content: dict[str, Any] = loadmat(path, **options)
    return content


def names(path: Path) -> list[str]:
    """The variables in the file, without reading them.

    Raises:
        UserError: as `load`.
    """
    from scipy.io import whosmat

    with _reading(path):
        return [name for name, _, _ in whosmat(path)]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    with reading(path, "a MATLAB file"):
        if not path.exists():
            raise FileNotFoundError(path)  # SciPy's own message does not tell this from a damaged file
        try:
            yield
        except NotImplementedError as error:
            raise UserError(f"{path}: MATLAB v7.3; save it as v7 (save -v7)") from error
