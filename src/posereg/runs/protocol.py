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


def recipe(config: Mapping[str, Any]) -> dict[str, Any]:
    """How long and how a run learned, in words that a table can lay side by side: hardware is no part of it.

    Args:
        config: resolved. Of a run that only evaluates there is nothing to tell.
    """
    if config["evaluate_only"]:
        return {}
    method = config["method"]
    phases = {name: one for name, one in (method.get("phases") or {}).items() if one["epochs"] > 0}
    stages = [
        f"{name} {one['epochs']} epochs, {one['law']} {_values(one['lr'])}" for name, one in phases.items()
    ]
    return {
        "epochs": config["trainer"]["epochs"],
        "optimizer": _node(method.get("optimizer")),
        "schedule": "; ".join(stages) or _node(method.get("schedule")),
        "augment": _node(config.get("augment")),
    }


def _node(node: Mapping[str, Any] | None) -> str:
    """`Adam, lr 0.001` of `{_target_: torch.optim.Adam, lr: 0.001}`."""
    if not node:
        return "none"
    values = {key: value for key, value in node.items() if not key.startswith("_") and value is not None}
    return ", ".join([str(node["_target_"]).rpartition(".")[2], *([_values(values)] if values else [])])


def _values(values: Any) -> str:
    if isinstance(values, Mapping):
        return ", ".join(f"{key} {value}" for key, value in values.items())
    return str(values)
