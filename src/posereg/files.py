"""Files on disk: written whole or not at all, and read with one clear error for whatever is wrong with them.

Text is UTF-8 on every machine, whatever its locale.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from posereg.errors import UserError

# What `tempfile.mkstemp` makes of a name in `whole_file`.
_TEMPORARY = re.compile(r"\..+-[a-z0-9_]{8}(\.\w+)?")


@contextmanager
def whole_file(path: Path | str, durable: bool = True) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it over `path` when the block ends without an error.

    Args:
        durable: wait until the disk has it, so that the file also survives a power cut. False for what is written
            often and can be made again.

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
        if durable:
            _to_disk(temporary)
        os.replace(temporary, path)
        if durable:
            _to_disk(path.parent)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; the earlier file is intact"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def sha256_of(path: Path | str, kind: str = "a file") -> str:
    """SHA-256 of a file, in hex.

    Args:
        kind: what the file should be, for the message.

    Raises:
        UserError: it cannot be read.
    """
    with reading(path, kind), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def whole_folder(path: Path | str) -> Iterator[Path]:
    """Yields a temporary folder beside `path`, to be filled; it takes that place when the block ends without an error.

    Raises:
        UserError: it cannot be written, or `path` is a folder that holds something.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}-partial-{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        yield partial
        if path.exists():
            path.rmdir()
        partial.rename(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _to_disk(path: Path) -> None:
    """fsync a file or a folder; file systems that cannot sync a folder are left alone."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(handle)


def remove_leftovers(folder: Path | str) -> None:
    """Delete the temporary files that killed processes left in a folder nobody else is writing to."""
    for path in Path(folder).glob(".*"):
        if _TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


@contextmanager
def reading(path: Path | str, kind: str) -> Iterator[None]:
    """Turns whatever goes wrong while the block reads and takes apart one file into one line that names it.

    Damaged bytes make readers raise nearly everything: struct.error, zlib.error, KeyError, MemoryError ...

    Args:
        kind: what the file should be, with its article: "a COCO annotation file".

    Raises:
        UserError: missing or unreadable file, or one that is not of this kind. Errors that are one already pass.
    """
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise UserError(f"{path}: a folder, not {kind}") from error
    except PermissionError as error:
        raise UserError(f"{path}: cannot be read: permission denied") from error
    except Exception as error:
        raise UserError(f"{path}: not {kind}, or a damaged one ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing" if error.args else "a field is missing"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    text = " ".join(str(error).split())
    text = text if len(text) <= 200 else f"{text[:200]} ..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def read_text(path: Path | str, kind: str = "a text file") -> str:
    """The text of a UTF-8 file; a byte-order mark, as some editors write it, is taken off.

    Raises:
        UserError: missing or unreadable file, or no UTF-8 text.
    """
    with reading(path, kind):
        return Path(path).read_text(encoding="utf-8-sig")


def write_text(path: Path | str, text: str) -> None:
    """UTF-8 text, whole or not at all.

    Raises:
        UserError: as `whole_file`.
    """
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path | str, value: Any) -> None:
    """Write JSON with two-space indent, completely or not at all.

    Raises:
        UserError: as `whole_file`.
    """
    write_text(path, json.dumps(value, indent=2, sort_keys=False) + "\n")


def read_json(path: Path | str) -> Any:
    """
    Raises:
        UserError: missing file or broken JSON, naming the file.
    """
    text = read_text(path, "valid JSON")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not valid JSON (line {error.lineno}: {error.msg})") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; nested without end
        raise UserError(f"{path}: not valid JSON ({_reason(error)})") from error


def read_object(path: Path | str, kind: str) -> dict[str, Any]:
    """A JSON file that holds one object.

    Raises:
        UserError: missing file, broken JSON, or JSON of another kind.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{path}: not {kind} (it holds a JSON {type(value).__name__}, not an object)")
    return value


def read_yaml(path: Path | str, kind: str) -> dict[str, Any]:
    """A YAML file that holds one mapping; an empty file is an empty one.

    Raises:
        UserError: missing file, broken YAML, or YAML of another kind.
    """
    import yaml

    text = read_text(path, kind)
    with reading(path, "valid YAML"):
        value = yaml.safe_load(text)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{path}: not {kind} (it holds a {type(value).__name__}, not key: value lines)")
    return value


def read_table(path: Path | str, kind: str) -> tuple[list[str], list[dict[str, str]]]:
    """Column names and rows of a CSV file with a header; every row has every column.

    Raises:
        UserError: missing file, no header, a column named twice, or a row of another length, naming the line.
    """
    with reading(path, kind), open(path, encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        columns = next(lines, [])
        if not columns or len(set(columns)) < len(columns):
            raise UserError(f"{path}: not {kind}: its first line must name each column once")
        rows = []
        for line in lines:
            if line and len(line) != len(columns):
                raise UserError(
                    f"{path}, line {lines.line_num}: {len(line)} cells, the header names {len(columns)} columns"
                )
            if line:
                rows.append(dict(zip(columns, line, strict=True)))
    return columns, rows
