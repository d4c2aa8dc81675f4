"""`key=value` arguments of the commands that are not Hydra programs."""

from __future__ import annotations

from collections.abc import Sequence

from posereg.errors import UserError, nearest


def parse(arguments: Sequence[str], command: str, keys: Sequence[str], positional: int = 0) -> dict[str, str]:
    """Values by key; up to `positional` leading arguments without `=` come under '0', '1' ...

    Raises:
        UserError: an unknown key (names the nearest), a key given twice, or an argument without `=`.
    """
    found: dict[str, str] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals and len([k for k in found if k.isdecimal()]) < positional:
            found[str(len([k for k in found if k.isdecimal()]))] = argument
            continue
        if not equals:
            raise UserError(f"posereg {command}: '{argument}' is not key=value; keys: {', '.join(keys)}")
        if key not in keys:
            raise UserError(f"posereg {command}: unknown key '{key}'{nearest(key, keys)}")
        if key in found:
            raise UserError(f"posereg {command}: {key} is given twice")
        found[key] = value
    return found
