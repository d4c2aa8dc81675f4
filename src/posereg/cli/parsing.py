"""Arguments to typed values, by a command's specification; every complaint is one line that ends with the usage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posereg.cli.spec import Command, Option
from posereg.errors import UserError, nearest
from posereg.settings import own_data


def parse(command: Command, arguments: Sequence[str]) -> dict[str, Any]:
    """What `run` takes: a value for every option and positional argument, and `overrides` if it composes a config.

    Raises:
        UserError: an argument that is unknown, given twice, missing, or of the wrong type.
    """
    try:
        return _parse(command, arguments)
    except ValueError as error:
        raise UserError(f"posereg {command.name}: {error} (usage: {command.usage()})") from error


def _parse(command: Command, arguments: Sequence[str]) -> dict[str, Any]:
    options = {option.name: option for option in (*command.positional, *command.options)}
    positional = list(command.positional)
    values: dict[str, Any] = {}
    overrides: list[str] = []
    seen: set[str] = set()
    for argument in arguments:
        key, equals, text = argument.partition("=")
        is_key = bool(equals and re.fullmatch(r"[+~]{0,2}[\w./@:$-]+", key)) or argument.startswith("~")
        if not is_key:
            if not positional:
                raise ValueError(f"'{argument}' is not key=value")
            option = positional.pop(0)
            values[option.name] = _value(option, argument, "")
            seen.add(option.name)
            continue
        if key in seen and not key.lstrip("+~").startswith("hydra"):  # launchers add hydra.* of their own
            raise ValueError(f"{key} is given twice")
        seen.add(key)
        if key in options:
            values[key] = _value(options[key], text, f"{key}=")
            positional = [one for one in positional if one.name != key]
        elif key == "data" and command.config and "data" not in options and own_data.describes(text):
            overrides += _own_data(text)
        elif _is_config_key(command, key):
            overrides.append(argument)
        else:
            raise ValueError(f"unknown key '{key}'{nearest(key, known_keys(command))}")
    _check_missing(command, values, overrides)
    for option in (*command.options, *command.positional):
        values.setdefault(option.name, option.default)
    given = {option.parameter: values[option.name] for option in (*command.options, *command.positional)}
    return {"overrides": overrides, **given} if command.config else given


def known_keys(command: Command) -> list[str]:
    """The names that may stand before `=`: the command's own and the config's topmost ones."""
    own = [option.name for option in (*command.positional, *command.options)]
    if command.config == "data":
        return [*own, "data"]
    if command.config == "all":
        from posereg.config import top_level_keys

        return [*own, *sorted(top_level_keys())]
    return own


def _is_config_key(command: Command, key: str) -> bool:
    """Whether the key belongs to the config. What lies deeper than its first part is checked when it is composed."""
    first = re.split(r"[./@:]", key.lstrip("+~"))[0]
    if command.config == "data":
        return first == "data"
    if command.config == "all":
        # `+key` may name what only a folder of the user's knows.
        return key.startswith("+") or first == "hydra" or first in known_keys(command)
    return False


def _value(option: Option, text: str, prefix: str) -> Any:
    try:
        return option.kind.convert(text)
    except ValueError as error:
        raise ValueError(f"{prefix}{text}: {error}") from error


def _own_data(text: str) -> list[str]:
    """`data=mouse.yaml` as overrides that mean the same in every folder; several files are swept over.

    Raises:
        UserError: one of the files describes no data set.
    """
    from posereg.config import own_part

    whole = Path(text).expanduser()
    paths = [whole] if whole.is_file() else [Path(one).expanduser() for one in text.split(",")]
    files = [str(path.absolute()) for path in paths]
    for file in files:
        own_part("skeleton", file)
    quoted = (file.replace("\\", "\\\\").replace("'", "\\'") for file in files)
    return ["data=from_file", "data.file=" + ",".join(f"'{file}'" for file in quoted)]


def _check_missing(command: Command, values: dict[str, Any], overrides: Sequence[str]) -> None:
    missing = [one.name.upper() for one in command.positional if one.required and one.name not in values]
    missing += [f"{one.name}=" for one in command.options if one.required and one.name not in values]
    if (
        command.config == "data"
        and command.data_required
        and not any(o.startswith("data=") for o in overrides)
    ):
        missing.insert(0, "data=")
    if missing:
        raise ValueError(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
