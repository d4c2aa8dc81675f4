"""What a config that came out of a file (a checkpoint, a run's folder) may build: nothing that no config of
posereg's own, or of the user's --config-dir, builds. A `_target_` names any function there is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from posereg.errors import UserError

TARGET = re.compile(r"""_target_:\s*["']?([A-Za-z_][\w.]*)""")


@cache
def targets_of(folder: Path) -> frozenset[str]:
    """Every `_target_` that the YAML files below a folder name."""
    targets: set[str] = set()
    for path in folder.rglob("*.yaml"):
        targets.update(TARGET.findall(path.read_text(encoding="utf-8", errors="replace")))
    return frozenset(targets)


def check_stored(node: Any, where: Path | str, folders: Iterable[Path]) -> None:
    """
    Args:
        node: the stored config, by today's names.
        where: the file it is from.
        folders: whose configs say what may be built.

    Raises:
        UserError: it asks for something else, or holds an interpolation, which a resolved config does not.
    """
    trusted = frozenset().union(*(targets_of(folder) for folder in folders))
    for target in _targets(node):
        if not isinstance(target, str) or target not in trusted:
            raise UserError(
                f"{where}: its config asks to build '{target}', which no config of posereg builds, so it is refused; "
                "if it is a class of your own, name the folder of its config with --config-dir"
            )
    if interpolation := next((text for text in _texts(node) if "${" in text), None):
        raise UserError(f"{where}: its config holds '{interpolation[:60]}', which a finished config does not")


def _targets(node: Any) -> Iterator[Any]:
    if isinstance(node, list | tuple):
        for item in node:
            yield from _targets(item)
    if isinstance(node, dict):
        if "_target_" in node:
            yield node["_target_"]
        for value in node.values():
            yield from _targets(value)


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list | tuple):
        for item in node:
            yield from _texts(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _texts(key)
            yield from _texts(value)
