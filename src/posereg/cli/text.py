"""Help pages from the specifications: for the terminal, and the command reference in Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from posereg.cli.spec import CONFIG_DIR, Command, Flag, Option, flag_usage

WIDTH = 100
CONFIG_KEYS = {
    "data": (
        "data=NAME is a data set of conf/data or of your --config-dir; data.KEY=VALUE, +data.KEY=VALUE and ~data.KEY "
        "change, add and take away its settings."
    ),
    "all": (
        "KEY=VALUE is any setting of a run (`posereg config` prints them all), GROUP=NAME chooses a config of a group "
        "(data=mpii), +KEY=VALUE adds and ~KEY takes away, GROUP@PACKAGE=NAME puts it elsewhere."
    ),
}


def overview(prefix: str, commands: Sequence[tuple[str, str]]) -> str:
    """What `posereg --help` prints; `prefix` is the group's name with a blank, or empty."""
    width = max(len(name) for name, _ in commands)
    lines = "\n".join(f"  {name:<{width}}  {line}" for name, line in commands)
    return (
        "posereg: human pose estimation, heat map against regression\n\n"
        f"usage: posereg {prefix}<command> [key=value ...]\n\n{lines}\n\n"
        f"posereg {prefix}<command> --help explains one command."
    )


def command_help(command: Command) -> str:
    """What `posereg <command> --help` prints."""
    usage = textwrap.fill(
        f"usage: {command.usage()}", WIDTH, subsequent_indent="       ", break_on_hyphens=False
    )
    parts = [f"posereg {command.name}: {command.help}", usage]
    parts += [textwrap.fill(paragraph, WIDTH) for paragraph in _paragraphs(command)]
    rows = [*_arguments(command)]
    rows += [(", ".join((*flag.names[:-1], flag_usage(flag))), flag.help) for flag in _flags(command)]
    parts.append("\n".join(_row(label, line) for label, line in rows))
    if command.examples:
        parts.append("\n".join(["examples:", *(f"  {example}" for example in command.examples)]))
    return "\n\n".join(parts)


def command_markdown(command: Command) -> str:
    """The command's section of the reference."""
    rows = [(f"`{label}`", line) for label, line in _arguments(command)]
    rows += [
        (", ".join(f"`{n}`" for n in (*flag.names[:-1], flag_usage(flag))), flag.help)
        for flag in _flags(command)
    ]
    table = "\n".join(f"| {_cell(label)} | {_cell(line)} |" for label, line in rows)
    parts = [
        f"## posereg {command.name}",
        _prose(f"{command.help[0].upper()}{command.help[1:]}."),
        _block(textwrap.fill(command.usage(), 84, subsequent_indent="    ", break_on_hyphens=False)),
    ]
    parts += [*map(_prose, _paragraphs(command)), f"| argument | meaning |\n| --- | --- |\n{table}"]
    if command.examples:
        parts += ["Examples:", _block("\n".join(command.examples))]
    return "\n\n".join(parts)


def _row(label: str, line: str) -> str:
    indent = " " * 26
    start = f"  {label:<22}  " if len(label) <= 22 else f"  {label}\n{indent}"
    lines = textwrap.wrap(line, WIDTH - len(indent), break_on_hyphens=False)
    return start + f"\n{indent}".join(lines)


def _paragraphs(command: Command) -> list[str]:
    paragraphs = [" ".join(part.split()) for part in command.description.split("\n\n") if part.strip()]
    return paragraphs + ([CONFIG_KEYS[command.config]] if command.config else [])


def _flags(command: Command) -> list[Flag]:
    flags = [*command.flags, *([CONFIG_DIR] if command.config else [])]
    return [*flags, Flag(("-h", "--help"), "this page; anywhere among the arguments")]


def _arguments(command: Command) -> list[tuple[str, str]]:
    rows = [(option.name.upper(), _explained(option)) for option in command.positional]
    return rows + [(f"{one.name}={one.kind.name}", _explained(one)) for one in command.options]


def _explained(option: Option) -> str:
    if option.required:
        return f"{option.help} (required)"
    default = option.default_text or _shown(option.default)
    return f"{option.help} (default: {default})" if default else option.help


def _shown(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, list | tuple):
        return ",".join(str(value) for value in default)
    return str(default)


def _block(content: str) -> str:
    return f"```\n{content}\n```"


def _cell(content: str) -> str:
    return _prose(content, "|")


def _prose(content: str, more: str = "") -> str:
    """Text as it is, outside code spans: what Markdown would take for emphasis, a tag or a column is escaped."""
    parts = content.split("`")
    special = rf"([*_{re.escape(more)}])"
    parts[::2] = [re.sub(special, r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)
