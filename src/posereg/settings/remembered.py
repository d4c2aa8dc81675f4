"""Configs that were found right before: the same config under the same code is right again, and needs no torch.

To check a config takes a sixth of a second where the packages need not be asked (`sketch.py`), else seconds and a
gigabyte. What was found right is remembered by hash in the user's cache folder, so that `posereg config`, a sweep's own
process and a run that is started again need not. What depends on this machine (devices, files) is checked every time,
and so is a config that names a class outside posereg and torch, whose code may change unseen.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from posereg.settings.places import cache_folder, config_roots

PACKAGES = ("torch", "timm", "pytorch-lightning", "pydantic")  # whose signatures and names a check asks for
SAFE = ("posereg.", "torch.optim.", "torch.nn.")
MOST = 8  # code versions whose verdicts are kept


def is_known(config: Mapping[str, Any]) -> bool:
    """Whether this resolved config was found right before, by this very code."""
    return memorable(config) and digest(config) in _known(_file())


def remember(config: Mapping[str, Any]) -> None:
    """Note that a resolved config was found right. A cache that cannot be written is no error."""
    if not memorable(config):
        return
    file, key = _file(), digest(config)
    known = _known(file)
    if key in known:
        return
    with suppress(OSError):
        if not file.exists():
            _forget_older(file.parent)
        with open(file, "a", encoding="ascii") as lines:
            lines.write(key + "\n")
        known.add(key)


def read_again() -> None:
    """Look at the file again, to which another process may have added."""
    _known.cache_clear()


def memorable(config: Mapping[str, Any]) -> bool:
    """Whether all that the config builds is posereg's or torch's, every joint set one with a name, and the number of
    devices given and not this machine's (`devices=auto`)."""
    trainer = config.get("trainer")
    devices = trainer.get("devices", 1) if isinstance(trainer, Mapping) else None
    if isinstance(devices, str) or devices in (None, -1):
        return False
    return all(
        isinstance(value, str) and (value.startswith(SAFE) if key == "_target_" else value.isidentifier())
        for key, value in _named(config)
    )


def digest(config: Mapping[str, Any]) -> str:
    """SHA-256 of the config, keys in their order; 1, 1.0, true and '1' differ."""
    return hashlib.sha256(repr(config).encode(errors="replace")).hexdigest()


def _named(node: Any) -> Iterator[tuple[str, Any]]:
    """Every `_target_` and every skeleton below a node."""
    for key, value in node.items() if isinstance(node, Mapping) else ():
        if key in ("_target_", "skeleton"):
            yield key, value
    for value in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
        yield from _named(value)


def _file() -> Path:
    return cache_folder() / "checked" / f"{code()}.txt"


def code() -> str:
    """A hash of posereg's code, joint sets and the packages' versions."""
    return _code(tuple(config_roots()))


@cache
def _known(file: Path) -> set[str]:
    try:
        return set(file.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return set()


@cache
def _code(roots: tuple[Path, ...]) -> str:
    package = Path(__file__).resolve().parents[1]
    skeletons = [path for root in roots for path in (root / "skeleton").glob("*.yaml")]
    states = [
        f"{path}:{(s := path.stat()).st_mtime_ns}:{s.st_size}"
        for path in sorted([*package.rglob("*.py"), *skeletons])
    ]
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return hashlib.sha256("\n".join([sys.version, *versions, *states]).encode()).hexdigest()[:24]


def _forget_older(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(folder.glob("*.txt"), key=lambda path: path.stat().st_mtime)[: 1 - MOST]:
        file.unlink(missing_ok=True)
