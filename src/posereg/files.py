"""Files that are whole or not there: write to a temporary neighbour, then rename."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from posereg.errors import UserError


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it over `path` when the block ends well.

    Raises:
        UserError: the disk is full or the folder cannot be written; the old file stays as it was.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; the earlier file is intact"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_json(path: Path | str, value: Any) -> None:
    """JSON, two-space indent, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=False) + "\n")


def read_json(path: Path | str) -> Any:
    """
    Raises:
        UserError: missing file or broken JSON, naming the file.
    """
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not valid JSON (line {error.lineno}: {error.msg})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not valid JSON (not a text file)") from error
