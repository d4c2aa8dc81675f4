"""Skeletons as YAML files: conf/skeleton/<name>.yaml, the same in a folder of --config-dir, or any path."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from posereg.errors import UserError, nearest
from posereg.files import read_yaml
from posereg.settings.places import config_roots
from posereg.skeletons.sides import Pairs, find_pairs, named_pairs

KEYS = ("name", "joints", "limbs", "pairs", "columns", "parents", "sigmas", "colors")
SUFFIXES = (".yaml", ".yml")


def names() -> list[str]:
    """The skeletons that can be asked for by name, sorted."""
    return sorted({file.stem for folder in config_roots() for file in (folder / "skeleton").glob("*.yaml")})


def path_of(name: str) -> Path:
    """The file of a skeleton: a name, or a path that ends in .yaml.

    Raises:
        UserError: there is none; names the nearest.
    """
    if Path(name).suffix in SUFFIXES:
        if Path(name).is_file():
            return Path(name)
        raise UserError(f"skeleton: no such file: {name}")
    for folder in config_roots():
        if "/" not in name and (file := folder / "skeleton" / f"{name}.yaml").is_file():
            return file
    raise UserError(f"unknown skeleton '{name}'{nearest(name, names())}")


def content(path: Path) -> dict[str, Any]:
    """What a skeleton's file holds.

    Raises:
        UserError: missing, no YAML, or something else.
    """
    return read_yaml(path, "a skeleton")


def parsed(node: Mapping[str, Any], where: str, name: str = "") -> dict[str, Any]:
    """The arguments of `Skeleton` from a file's content, every reference to a joint as its index.

    Args:
        where: the file, and the key in it, for messages.
        name: where the content has none.

    Raises:
        UserError: a key or value that does not fit, with what would.
    """
    for key in node:
        if key not in KEYS:
            raise UserError(f"{where}: no such key '{key}'{nearest(str(key), KEYS)}")
    joints = _joints(node.get("joints"), where)
    columns = _mapping(node, "columns", where)
    parents, pairs = node.get("parents"), node.get("pairs")
    return {
        "name": str(node.get("name") or name or "own"),
        "joints": joints,
        "limbs": _joined(node.get("limbs"), joints, f"{where}: limbs"),
        "groups": {str(c): _indices(of, joints, f"{where}: columns.{c}") for c, of in columns.items()},
        "sigmas": _sigmas(node.get("sigmas"), joints, where),
        "parents": None if parents is None else _parents(parents, joints, f"{where}: parents"),
        "pairs": _pairs(pairs, joints, where),
        "colors": _colors(_mapping(node, "colors", where), joints, where),
    }


def _joints(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(n, str) and n.strip() for n in value):
        raise UserError(f"{where}: joints: must be a list of names, at least one")
    if twice := sorted({n for n in value if value.count(n) > 1}):
        raise UserError(f"{where}: joints: {', '.join(twice)} is there more than once")
    return tuple(value)


def _mapping(node: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = node.get(key) or {}
    if not isinstance(value, Mapping):
        raise UserError(f"{where}: {key}: must be keys and values")
    return value


def _indices(value: Any, joints: Sequence[str], where: str) -> tuple[int, ...]:
    if not isinstance(value, list | tuple):
        raise UserError(f"{where}: must be a list of joints")
    for name in value:
        if name not in joints:
            raise UserError(f"{where}: no joint '{name}'{nearest(str(name), joints)}")
    return tuple(joints.index(name) for name in value)


def _joined(value: Any, joints: Sequence[str], where: str) -> Pairs:
    pairs = []
    if not isinstance(value or [], list | tuple):
        raise UserError(f"{where}: must be a list of two joints each: [[nose, neck], ...]")
    for item in value or []:
        ends = _indices(item, joints, where)
        if len(set(ends)) != 2 or len(ends) != 2:
            raise UserError(f"{where}: {item} must be two different joints")
        pairs.append((ends[0], ends[1]))
    return tuple(pairs)


def _parents(value: Any, joints: Sequence[str], where: str) -> tuple[int, ...]:
    parents = _indices(value, joints, where)
    if len(parents) != len(joints):
        raise UserError(f"{where}: {len(parents)} for {len(joints)} joints")
    return parents


def _sigmas(value: Any, joints: Sequence[str], where: str) -> tuple[float, ...] | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        _indices(list(value), joints, f"{where}: sigmas")
        value = [value.get(name) for name in joints]
    fits = isinstance(value, list | tuple) and len(value) == len(joints)
    if not fits or not all(isinstance(v, int | float) and math.isfinite(v) and v > 0 for v in value):
        raise UserError(f"{where}: sigmas: must be a number above 0 for each of the {len(joints)} joints")
    return tuple(map(float, value))


def _pairs(value: Any, joints: Sequence[str], where: str) -> Pairs:
    if value is None:
        return find_pairs(joints, where)
    if isinstance(value, Mapping):
        if set(value) != {"left", "right"} or not all(isinstance(v, str) and v for v in value.values()):
            raise UserError(
                f"{where}: pairs: a rule names the text of each side: {{left: sin_, right: dex_}}"
            )
        return named_pairs(joints, value, where)
    pairs = _joined(value, joints, f"{where}: pairs")
    used = [k for pair in pairs for k in pair]
    if twice := sorted({joints[k] for k in used if used.count(k) > 1}):
        raise UserError(f"{where}: pairs: {', '.join(twice)} is in more than one pair")
    return pairs


def _colors(value: Mapping[str, Any], joints: Sequence[str], where: str) -> dict[str, tuple[int, int, int]]:
    _indices(list(value), joints, f"{where}: colors")
    for name, color in value.items():
        fits = isinstance(color, list | tuple) and len(color) == 3
        if not fits or not all(isinstance(c, int) and 0 <= c <= 255 for c in color):
            raise UserError(f"{where}: colors.{name}: must be [red, green, blue], each from 0 to 255")
    return {name: (color[0], color[1], color[2]) for name, color in value.items()}
