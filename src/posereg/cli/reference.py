"""The command reference of the documentation, from the specifications."""

from __future__ import annotations

from posereg.cli import commands, text


def markdown() -> str:
    """One Markdown page: a section for every command, in the order of `posereg --help`."""
    intro = (
        "# Commands\n\nArguments are `key=value`, in any order; `--help` anywhere explains the command. true, yes and "
        "1 are the same, as are false, no and 0. A path may start with `~`. The exit status is 0 when all went well, 1 "
        "when a run or a check failed, and 2 for a mistake in the command, its config or its files."
    )
    sections = [text.command_markdown(commands.specification(name)) for name in commands.MODULES]
    return "\n\n".join([intro, *sections]) + "\n"
