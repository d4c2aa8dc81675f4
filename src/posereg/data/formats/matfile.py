"""MATLAB files (.mat, not v7.3), with one clear error for whatever is wrong with them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from posereg.errors import UserError

T = TypeVar("T")


def load(path: Path, **options: Any) -> dict[str, Any]:
    """`scipy.io.loadmat`.

    Raises:
        UserError: missing, truncated or no MATLAB file.
    """
    from scipy.io import loadmat

    content: dict[str, Any] = _reading(path, lambda: loadmat(path, **options))
    return content


def names(path: Path) -> list[str]:
    """The variables in the file, without reading them.

    Raises:
        UserError: as `load`.
    """
    from scipy.io import whosmat

    return _reading(path, lambda: [name for name, _, _ in whosmat(path)])


def _reading(path: Path, read: Callable[[], T]) -> T:
    from scipy.io.matlab import MatReadError

    try:
        return read()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except NotImplementedError as error:
        raise UserError(f"{path}: MATLAB v7.3; save it as v7 (save -v7)") from error
    except (MatReadError, ValueError, TypeError, OSError, zlib.error) as error:
        raise UserError(f"{path}: not a MATLAB file, or a damaged one ({error})") from error
