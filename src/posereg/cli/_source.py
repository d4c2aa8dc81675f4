"""Data sets for commands that train nothing: `data=mpii data.root=DIR` without the rest of a run's config."""

from __future__ import annotations

from collections.abc import Sequence

from posereg.data.sources.source import Source
from posereg.errors import UserError, nearest


def split_arguments(
    arguments: Sequence[str], command: str, keys: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """The command's own `key=value` and the config's overrides (`data=...`, `data.root=...`).

    Raises:
        UserError: an argument that is neither, or no `data=`.
    """
    own: dict[str, str] = {}
    overrides = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        name = key.lstrip("+~")
        if equals and (name == "data" or name.startswith("data.")):
            overrides.append(argument)
        elif equals and key in keys:
            own[key] = value
        else:
            raise UserError(
                f"posereg {command}: unknown argument '{argument}'{nearest(key, [*keys, 'data'])}"
            )
    if not any(override.partition("=")[0] == "data" for override in overrides):
        raise UserError(f"posereg {command}: data= is missing, e.g. data=mpii")
    return own, overrides


def source_of(overrides: Sequence[str]) -> Source:
    """The data set that these overrides describe.

    Raises:
        UserError: unknown data set or key.
    """
    from posereg import config as configs

    plain = configs.plain(configs.compose(overrides))
    configs.validate({"data": plain["data"]})
    source: Source = configs.instantiate(plain["data"])
    return source
