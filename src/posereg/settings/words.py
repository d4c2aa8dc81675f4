"""What a setting may be, in words: made from its annotation, for messages."""

from __future__ import annotations

import collections.abc as abc
import difflib
import math
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from annotated_types import BaseMetadata, Ge, Gt, Interval, Le, Len, Lt, MinLen, MultipleOf

from posereg.settings.ranges import MOST, Among, Is

LONGEST = 60


def shown(value: Any) -> str:
    """A value as one types it on the command line, short and on one line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        text = "{" + ", ".join(f"{k}: {shown(v)}" for k, v in list(value.items())[:6]) + "}"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(shown(v) for v in value[:10]) + "]"
    elif isinstance(value, str):
        text = value if value and value.isprintable() and value == value.strip() else ascii(value)
    elif isinstance(value, int) and value.bit_length() > 200:
        text = "a number of more than 60 digits"
    else:
        text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def valid(annotation: Any) -> str:
    """`a whole number of at least 1`, `l1 or l2`, `a list of two numbers`: what the annotation lets through."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _constrained(arguments[0], arguments[1:])
    if origin is Literal:
        return _either([shown(choice) for choice in arguments])
    if origin in (Union, types.UnionType):
        return _either([valid(one) for one in arguments])
    if annotation in (None, type(None)):
        return "null"
    if annotation is bool:
        return "true or false"
    if annotation is int:
        return "a whole number"
    if annotation is float:
        return "a number"
    if annotation in (str, Path):
        return "a text"
    if annotation is Any:
        return "anything"
    if origin is tuple or annotation is tuple:
        return _tuple(arguments)
    if _is(origin or annotation, abc.Mapping):
        return "a mapping" + (f" to {_several(valid(arguments[1]))}" if len(arguments) == 2 else "")
    if _is(origin or annotation, abc.Iterable) and annotation is not str:
        return "a list" + (f" of {_several(valid(arguments[0]))}" if arguments else "")
    name = getattr(annotation, "__name__", "") if isinstance(annotation, type) else ""
    return f"a config node with _target_{f' of a {name}' if name else ''}"


def near(annotation: Any, value: Any) -> str:
    """`, did you mean 'l2'?`, `; the nearest is 1`, or nothing where no valid value is near."""
    choices = list(_choices(annotation))
    if isinstance(value, str) and choices:
        by_text = {str(choice).lower(): choice for choice in choices}
        close = difflib.get_close_matches(value.lower(), by_text, n=1, cutoff=0.5)
        return f", did you mean '{by_text[close[0]]}'?" if close else ""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        bounds = [
            bound for bound in (_clamped(one, value) for one in _parts(annotation)) if bound is not None
        ]
        if bounds:
            return f"; the nearest is {min(bounds, key=lambda bound: abs(bound - value))}"
    return ""


def _constrained(base: Any, metadata: Iterable[Any]) -> str:
    text = valid(base)
    metadata = list(metadata)
    for one in metadata:
        if isinstance(one, Interval) and one.ge is not None and one.le not in (None, MOST):
            return f"{text} from {one.ge:,} to {one.le:,}"
    limits, extra = [], ""
    for one in _flat(metadata):
        if isinstance(one, Ge):
            limits.append(f"at least {one.ge}")
        elif isinstance(one, Gt):
            limits.append(f"above {one.gt}")
        elif isinstance(one, Le) and one.le != MOST:  # where any number ends; `near` says it
            limits.append(f"at most {one.le}")
        elif isinstance(one, Lt):
            limits.append(f"below {one.lt}")
        elif isinstance(one, MultipleOf):
            extra += f", a multiple of {one.multiple_of}"
        elif isinstance(one, MinLen) and one.min_length:
            extra += " that is not empty" if one.min_length == 1 else f" of at least {one.min_length}"
        elif isinstance(one, Among):
            names = sorted(one.names())
            return _either(names) if len(names) <= 12 else f"one of {len(names):,} known names"
        elif isinstance(one, Is):
            return one.words
    return text + (f" {' and '.join(limits)}" if limits else "") + extra


def _flat(metadata: Iterable[Any]) -> Iterable[Any]:
    for one in metadata:
        if isinstance(one, Interval | Len):
            yield from one
        elif isinstance(one, BaseMetadata | Among | Is):
            yield one


def _tuple(arguments: tuple[Any, ...]) -> str:
    if not arguments:
        return "a list"
    if arguments[-1] is Ellipsis:
        return f"a list of {_several(valid(arguments[0]))}"
    kinds = [valid(one) for one in arguments]
    if len(set(kinds)) == 1:
        return f"a list of {len(kinds)}: {kinds[0]} each"
    return f"a list of {', '.join(kinds)}"


def _several(text: str) -> str:
    swaps = {
        "a whole number": "whole numbers",
        "a number": "numbers",
        "a text": "texts",
        "a mapping": "mappings",
    }
    swaps |= {"a list": "lists", "a config node": "config nodes"}
    for one, many in swaps.items():
        if text.startswith(one):
            return many + text[len(one) :]
    return text


def _either(options: list[str]) -> str:
    options = list(dict.fromkeys(options))
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"


def _is(annotation: Any, kind: type) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, kind)


def _parts(annotation: Any) -> list[Any]:
    if typing.get_origin(annotation) in (Union, types.UnionType):
        return [part for one in typing.get_args(annotation) for part in _parts(one)]
    return [annotation]


def _choices(annotation: Any) -> Iterable[Any]:
    for part in _parts(annotation):
        if typing.get_origin(part) is Literal:
            yield from typing.get_args(part)
        elif typing.get_origin(part) is Annotated:
            for one in typing.get_args(part)[1:]:
                if isinstance(one, Among):
                    yield from one.names()


def _clamped(annotation: Any, value: float) -> float | int | None:
    """The valid number nearest to `value`, None where the annotation names no closed bound on that side."""
    if typing.get_origin(annotation) is not Annotated:
        return round(value) if annotation is int and abs(value) < 1e15 else None
    base, *metadata = typing.get_args(annotation)
    if base not in (int, float):
        return None
    number = value
    for one in _flat(metadata):
        if isinstance(one, Ge):
            number = max(number, one.ge)  # type: ignore[call-overload]
        elif isinstance(one, Le):
            number = min(number, one.le)  # type: ignore[call-overload]
        elif isinstance(one, Gt) and number <= one.gt:  # type: ignore[operator]
            return one.gt + 1 if base is int else None  # type: ignore[operator]
        elif isinstance(one, Lt) and number >= one.lt:  # type: ignore[operator]
            return one.lt - 1 if base is int else None  # type: ignore[operator]
    return round(number) if base is int else number
