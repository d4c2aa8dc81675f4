"""Hydra's and OmegaConf's complaints about the user's configuration, in one line with the nearest valid name."""

from __future__ import annotations

import errno
import re

from posereg.errors import UserError, nearest


def one_line(error: BaseException) -> str | None:
    """The message for a mistake in the command or its configuration; None for anything else.

    A full disk also counts: there is nothing to debug.
    """
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left on the disk{f' for {error.filename}' if error.filename else ''}"
    if not type(error).__module__.startswith(("hydra.", "omegaconf.")):
        return None
    from hydra import errors as hydra
    from omegaconf import errors as omega

    if isinstance(error, hydra.InstantiationException):
        cause = error.__cause__
        return str(cause) if isinstance(cause, UserError) else None
    if isinstance(error, hydra.MissingConfigException):
        return _missing_config(str(error))
    if isinstance(error, hydra.OverrideParseException):
        wrong = error.override
        return f"cannot read the argument '{wrong}': arguments are key=value, lists key=[a,b], text key='a b'"
    if isinstance(error, hydra.HydraException):
        return _composition(error)
    if isinstance(error, omega.MissingMandatoryValue):
        return f"{error.full_key} is required: give {error.full_key}=..."
    if isinstance(error, omega.InterpolationResolutionError):
        return f"{error.full_key}: {str(error).splitlines()[0]}"
    return None


def _missing_config(message: str) -> str:
    """`Could not find 'data/mpi' ... Available options in 'data': lsp mpii Config search path: ...`"""
    name = re.search(r"(?:Could not find|Cannot find [^']*|Could not load) '([^']*)'", message)
    listed = re.search(r"Available options in '[^']*':\n((?:\t\S*\n?)*)", message)
    if name is None:
        return message.splitlines()[0]
    group, _, option = name.group(1).rpartition("/")
    options = [line.strip() for line in listed.group(1).splitlines() if line.strip()] if listed else []
    if not options:
        return f"there is no config '{name.group(1)}'"
    return f"{group}={option}: there is no such choice{nearest(option, options)}"


def _composition(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0] if lines else "the configuration cannot be composed"
    cause = error.__cause__
    key, parent = getattr(cause, "key", None), getattr(cause, "parent_node", None)
    if first.startswith("Could not override") and key is not None and parent is not None:
        full = str(getattr(cause, "full_key", key))
        valid = [str(name) for name in parent if name != "hydra"] if hasattr(parent, "keys") else []
        return f"unknown key '{full}'" + (nearest(str(key), valid) if valid else "")
    if cause is not None and str(cause):
        return f"{first.rstrip('.')}: {str(cause).splitlines()[0]}"
    return first
