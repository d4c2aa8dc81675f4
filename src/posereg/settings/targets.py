"""`_target_` nodes against the signatures of what they build: a new class is checked with no further code."""

from __future__ import annotations

import builtins
import collections.abc as abc
import importlib
import inspect
import sys
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from posereg.errors import nearest
from posereg.settings.model import is_node, mistake
from posereg.settings.optimizer import ranges
from posereg.settings.problem import Problem
from posereg.settings.words import shown

HYDRA_KEYS = {"_target_", "_partial_", "_recursive_", "_convert_"}
CONVERSIONS = ("none", "partial", "object", "all")
# Arguments with a default that the caller always gives, by the name of the node.
BY_CALLER = {
    "reader": {"annotations", "everyone"},
    "truth": {"annotations", "everyone"},
    "first": {"annotations", "everyone"},
}


@dataclass(frozen=True)
class Argument:
    """One argument of a constructor: what it may be, and whether it has a default or only comes by its place."""

    annotation: Any
    required: bool
    keyword_only: bool


def target_problems(
    node: Mapping[str, Any], path: str, own: frozenset[str] = frozenset()
) -> Iterator[Problem]:
    """What is wrong with one node's keys and values; not with the nodes inside it.

    Args:
        own: keys of the node that the run reads, not the constructor.
    """
    target = node["_target_"]
    made, why = locate(target)
    if made is None:
        yield Problem(f"{path}._target_", why, target)
        return
    partial = node.get("_partial_", False)
    if not isinstance(partial, bool):
        yield Problem(f"{path}._partial_", "must be true or false", partial)
    if node.get("_convert_", "none") not in CONVERSIONS:
        yield Problem(f"{path}._convert_", f"must be one of {', '.join(CONVERSIONS)}", node["_convert_"])
    valid, open_ended = arguments(made)
    by_caller = set(BY_CALLER.get(path.rpartition(".")[2], ()))
    if partial is True:
        by_caller |= {n for n, a in valid.items() if a.required and not a.keyword_only}
    settable = {name for name in valid if name not in by_caller}
    for key in sorted((k for k in node if k not in HYDRA_KEYS and k not in own), key=str):
        if key in by_caller:
            yield Problem(f"{path}.{key}", "the run gives this itself; it cannot be set")
        elif key not in valid:
            if not open_ended:
                yield Problem(f"{path}.{shown(key)}", f"no such key{nearest(str(key), settable)}")
        elif (wrong := _wrong(valid[key].annotation, node[key])) is not None:
            yield Problem(f"{path}.{key}", wrong, node[key])
    if partial is not True:
        for name, argument in valid.items():
            if argument.required and name not in node:
                yield Problem(f"{path}.{name}", f"is required by {target}")


def _wrong(annotation: Any, value: Any) -> str | None:
    wrong = mistake(annotation, value)
    if wrong is None and is_node(value):
        return _wrong_kind(annotation, value)
    if wrong is None and isinstance(value, Mapping):
        for name, item in value.items():
            for kind in _values(annotation) if is_node(item) else ():
                made, _ = locate(item["_target_"])
                if isinstance(kind, type) and not (isinstance(made, type) and issubclass(made, kind)):
                    return f"'{name}' must be a config node with _target_ of a {kind.__name__}"
    return wrong


def _values(annotation: Any) -> list[Any]:
    """What the values of a mapping must be: `Mapping[str, X]` gives X."""
    options = typing.get_args(annotation) if typing.get_origin(annotation) in _UNIONS else (annotation,)
    pairs = [typing.get_args(one) for one in options if typing.get_origin(one) in (abc.Mapping, dict)]
    return [pair[1] for pair in pairs if len(pair) == 2]


def _wrong_kind(annotation: Any, node: Mapping[str, Any]) -> str | None:
    """A node that builds something else than the argument takes."""
    options = typing.get_args(annotation) if typing.get_origin(annotation) in _UNIONS else (annotation,)
    kinds = [typing.get_origin(one) or one for one in options]
    if any(kind in (Any, abc.Mapping, dict) for kind in kinds):
        return None
    partial = node.get("_partial_") is True
    if abc.Callable in kinds:
        return None if partial else "must be a config node with _partial_: true"
    classes = tuple(kind for kind in kinds if isinstance(kind, type) and kind is not type(None))
    if partial:
        return "must be a config node without _partial_"
    target, _ = locate(node["_target_"])
    made = target if isinstance(target, type) else _returned(target)
    protocols = any(getattr(kind, "_is_protocol", False) for kind in classes)
    if isinstance(made, type) and classes and not protocols and not issubclass(made, classes):
        names = " or ".join(kind.__name__ for kind in classes)
        return f"must be a config node with _target_ of a {names}, not {made.__name__}"
    return None


_UNIONS = (typing.Union, type(int | str))


def _returned(function: Any) -> Any:
    annotation = getattr(function, "__annotations__", {}).get("return")
    return _evaluated(annotation, function) if annotation is not None else None


@cache
def _located(target: str) -> tuple[Any, str]:
    parts = target.split(".")
    for k in range(len(parts) - 1, 0, -1):
        try:
            place: Any = importlib.import_module(".".join(parts[:k]))
        except ModuleNotFoundError as error:
            if error.name and not target.startswith(error.name):
                return None, f"importing it needs '{error.name}', which is not installed"
            continue
        except Exception as error:  # whatever a module of the user's does when it is imported
            return None, f"importing {'.'.join(parts[:k])} failed: {type(error).__name__}: {error}"
        for done, name in enumerate(parts[k:], start=k):
            if not hasattr(place, name):
                names = [n for n in dir(place) if not n.startswith("_")]
                close = nearest(name, names)
                return None, f"{'.'.join(parts[:done])} has no '{name}'{close if 'mean' in close else ''}"
            place = getattr(place, name)
        if not callable(place):
            return None, "is nothing that can be called"
        return place, ""
    return None, "cannot be imported"


def locate(target: Any) -> tuple[Any, str]:
    """What `package.module.name` (or `package.module.Class.method`) names; None and why, where it names nothing."""
    if not isinstance(target, str) or not target.replace(".", "").isidentifier() or ".." in target:
        return None, "must be a dotted name, package.module.name"
    return _located(target)


def forget() -> None:
    """Look up targets again: what they name is there now, or no longer."""
    _located.cache_clear()


@cache
def arguments(target: Any) -> tuple[dict[str, Argument], bool]:
    """What a constructor takes, through `**kwargs` up to its base classes; and whether it takes any name."""
    taken: dict[str, Argument] = {}
    classes = target.__mro__ if isinstance(target, type) else ()
    constructors = [vars(c)["__init__"] for c in classes if "__init__" in vars(c)] or [target]
    known = ranges(target)
    for constructor in constructors:
        try:
            parameters = inspect.signature(constructor).parameters.values()
        except (TypeError, ValueError):
            return taken, True
        for p in parameters:
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in {"self", *taken}:
                annotation = known.get(p.name, _evaluated(p.annotation, constructor))
                taken[p.name] = Argument(annotation, p.default is p.empty, p.kind is p.KEYWORD_ONLY)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return taken, False
    return taken, True


def _evaluated(annotation: Any, owner: Any) -> Any:
    """The annotation itself where it is a string; what it names that is imported for types only is Any."""
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    names = getattr(owner, "__globals__", None) or vars(sys.modules.get(owner.__module__, typing))
    try:
        return eval(annotation, {}, _Names(names))
    except Exception:
        return Any


class _Names(dict[str, Any]):
    """A module's names; any other is a builtin's or Any."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, Any)
