"""Splits that a data set does not have, told before its files are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from posereg.errors import nearest
from posereg.settings.model import is_node
from posereg.settings.problem import Problem
from posereg.settings.targets import locate

KEYS = ("train_split", "val_split", "test_split")


def split_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Names of splits in `data` and `loader`, those of the sets beside it included."""
    data, loader = config["data"], config["loader"]
    yield from _unknown("data", data, data)
    yield from _unknown("loader", loader, data)
    others = loader.get("others")
    for name, source in others.items() if isinstance(others, Mapping) else ():
        if is_node(source):
            yield from _unknown(f"loader.others.{name}", source, source)


def _unknown(path: str, node: Mapping[str, Any], source: Mapping[str, Any]) -> Iterator[Problem]:
    named = {key: node[key] for key in KEYS if node.get(key) is not None}
    valid, files = splits_of(source.get("reader")), source.get("annotations")
    for key, split in named.items():
        if valid is not None and split not in valid:
            yield Problem(
                f"{path}.{key}", f"{source.get('name')} has no such split{nearest(split, valid)}", split
            )
        elif isinstance(files, Mapping) and split not in files:
            yield Problem(
                f"{path}.{key}", f"data.annotations names no file for it{nearest(split, files)}", split
            )


def splits_of(reader: Any) -> list[str] | None:
    """The splits of a data set, by the ranges of its config or as the reader's module names them (`SPLITS`, `RANGES`);
    None where any name may be one."""
    if not is_node(reader):
        return None
    if is_node(reader.get("first")):  # several sets one after the other
        return splits_of(reader["first"])
    if isinstance(reader.get("ranges"), Mapping):
        return list(reader["ranges"])
    function, _ = locate(reader["_target_"])
    module = sys.modules.get(getattr(function, "__module__", ""))
    found = getattr(module, "SPLITS", getattr(module, "RANGES", None))
    return None if found is None else list(found)
