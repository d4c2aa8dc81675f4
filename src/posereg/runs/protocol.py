"""The protocol of a result: every setting that makes two figures comparable, put together in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One protocol from what the run, the data, the method, the predictions and the evaluation say of themselves.

    Args:
        parts: by who says it.

    Raises:
        ValueError: two parts say different things about one setting: then one of them is wrong about it.
    """
    values: dict[str, Any] = {}
    said_by: dict[str, str] = {}
    for part, settings in parts.items():
        for name, value in settings.items():
            if name in values and values[name] != value:
                raise ValueError(
                    f"protocol: {name} is {values[name]!r} according to {said_by[name]}, {value!r} according to {part}"
                )
            values[name], said_by[name] = value, part
    return values
