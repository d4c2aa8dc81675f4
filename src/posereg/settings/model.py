"""One value against one annotation, by pydantic: strict types, constraints, nothing converted, nothing clamped."""

from __future__ import annotations

import collections.abc as abc
import functools
import operator
import types
import typing
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union

from pydantic import AfterValidator, ConfigDict, Strict, TypeAdapter, ValidationError

from posereg.settings.ranges import Among, Is
from posereg.settings.words import near, shown, valid

PLAIN = (bool, int, float, str, bytes, type(None))
CONFIG = ConfigDict(strict=True, allow_inf_nan=False)


def mistake(annotation: Any, value: Any) -> str | None:
    """What is wrong with a value, None if nothing is: `must be l1 or l2, did you mean 'l2'?`"""
    try:
        _adapter(annotation).validate_python(value)
    except ValidationError as error:
        place = _place(error, value)
        where = f" ({place})" if place else ""
        return f"must be {valid(annotation)}{where}{near(annotation, value)}"
    return None


def is_node(value: Any) -> bool:
    """Whether a config value describes an object to build."""
    return isinstance(value, abc.Mapping) and "_target_" in value


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(_modelled(annotation), config=CONFIG)


def _modelled(annotation: Any) -> Any:
    """The annotation as plain config values meet it: lists for tuples, nodes for objects."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return Annotated[_modelled(arguments[0]), *map(_checked, arguments[1:])]
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, map(_modelled, arguments))
    if origin is Literal or annotation in PLAIN or annotation is None:
        return annotation
    if annotation is Path:
        return str
    if annotation is Any or isinstance(annotation, TypeVar | str):
        return Any
    kind = origin or annotation
    if kind is tuple:
        items = tuple(a if a is ... else _modelled(a) for a in arguments) or (Any, ...)
        return Annotated[tuple[items], Strict(False)]  # type: ignore[valid-type]
    if isinstance(kind, type) and issubclass(kind, abc.Mapping):
        key, value = arguments if len(arguments) == 2 else (Any, Any)
        return dict[_modelled(key), _modelled(value)]  # type: ignore[misc]
    if isinstance(kind, type) and kind in (list, abc.Sequence, abc.Iterable, abc.Collection):
        return Annotated[list[_modelled(arguments[0]) if arguments else Any], Strict(False)]  # type: ignore[misc]
    return Annotated[Any, AfterValidator(_node)]


def _node(value: Any) -> Any:
    if not is_node(value):
        raise ValueError("no node")
    return value


def _checked(metadata: Any) -> Any:
    if isinstance(metadata, Among | Is):
        holds = metadata.has if isinstance(metadata, Among) else metadata.holds

        def check(value: Any) -> Any:
            if not holds(value):
                raise ValueError("not among them")
            return value

        return AfterValidator(check)
    return metadata


def _place(error: ValidationError, value: Any) -> str:
    """`item 1 is -3`, for a mistake inside a list or mapping."""
    for detail in error.errors(include_url=False, include_context=False):
        steps: list[str] = []
        inner = value
        for step in detail["loc"]:
            if isinstance(step, int) and isinstance(inner, list | tuple) and step < len(inner):
                steps.append(f"item {step + 1}")
                inner = inner[step]
            elif isinstance(inner, abc.Mapping) and step in inner:
                steps.append(str(step))
                inner = inner[step]
        if steps:
            return f"{', '.join(steps)} is {shown(inner)}"
    return ""
