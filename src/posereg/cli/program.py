"""The program as Click sees it: commands, flags, help and shell completion, built from the specifications.

Click because its completion for three shells, its flags anywhere among the arguments and its command groups are
maintained by others, and because it starts in 40 ms (Typer adds as much again for a syntax posereg does not have).
The `key=value` arguments are what Click leaves over; parsing.py reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from posereg.cli import commands, text
from posereg.cli.spec import CONFIG_DIR, Command, Flag
from posereg.errors import UserError, nearest

HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class KeyValueCommand(click.Command):
    """A command whose arguments are `key=value`."""

    def __init__(self, command: Command) -> None:
        flags = [*command.flags, *([CONFIG_DIR] if command.config else [])]
        super().__init__(
            command.name,
            params=[_click_option(flag) for flag in flags],
            short_help=command.help,
            context_settings={**HELP_NAMES, "allow_extra_args": True},
        )
        self.command = command

    def get_help(self, ctx: click.Context) -> str:
        """The page of `posereg <command> --help`."""
        return text.command_help(self.command)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As Click's, which leaves the command out of some of its complaints."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def invoke(self, ctx: click.Context) -> int:
        """Parse the `key=value` arguments and run the command.

        Raises:
            UserError: arguments that are wrong, or what the command says.
        """
        from posereg.cli.parsing import parse

        flags = dict(ctx.params)
        folders = flags.pop("config_dir", None) or ()
        if not folders:
            return commands.runner(self.command.name)(**parse(self.command, ctx.args), **flags)
        from posereg.config import config_folders

        with config_folders(folders):
            return commands.runner(self.command.name)(**parse(self.command, ctx.args), **flags)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """What can follow: flags, own keys and their values, config keys and group choices."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        from posereg.cli.candidates import candidates

        folders = ctx.params.get("config_dir") or ()
        return candidates(self.command, ctx.args, incomplete, folders)


class CommandGroup(click.Group):
    """Commands that share a first word; `prefix` is empty for posereg itself. They are imported when asked for."""

    def __init__(self, prefix: str = "", **settings: Any) -> None:
        super().__init__(prefix.strip() or "posereg", context_settings=dict(HELP_NAMES), **settings)
        self.prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Next words, in the order of the help page."""
        inside = [n.removeprefix(self.prefix) for n in commands.MODULES if n.startswith(self.prefix)]
        return list(dict.fromkeys(name.split()[0] for name in inside))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or group of commands, of that name."""
        name = self.prefix + cmd_name
        if name in commands.GROUPS:
            return CommandGroup(f"{name} ", short_help=commands.GROUPS[name])
        return KeyValueCommand(commands.specification(name)) if name in commands.MODULES else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As Click's.

        Raises:
            UserError: no command of that name, with the nearest one.
        """
        names = self.list_commands(ctx)
        if args[0] not in names and not ctx.resilient_parsing:
            raise UserError(f"unknown command '{self.prefix}{args[0]}'{nearest(args[0], names)}")
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        """The overview."""
        lines = [(self.prefix + n, self.get_command(ctx, n)) for n in self.list_commands(ctx)]
        return text.overview(self.prefix, [(n, c.get_short_help_str(200)) for n, c in lines if c is not None])


def program() -> CommandGroup:
    """`posereg` itself."""
    version = click.Option(
        ["-V", "--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version
    )
    return CommandGroup(params=[version], no_args_is_help=True)


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line; the exit status is the command's.

    Raises:
        UserError: a wrong command line, or what the command says about its input.
    """
    try:
        words = list(arguments) or ["--help"]
        if words[0] == "help":
            words = [*words[1:], "--help"]
        with program().make_context("posereg", words) as context:
            return int(context.command.invoke(context) or 0)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.ctx.get_help() if error.ctx else "")
        return 0
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "posereg"
        used = error.ctx.command if error.ctx else None
        usage = f" (usage: {used.command.usage()})" if isinstance(used, KeyValueCommand) else ""
        raise UserError(f"{where}: {error.format_message().rstrip('.')}{usage}") from error


def _click_option(flag: Flag) -> click.Option:
    if flag is CONFIG_DIR:
        folder = click.Path(exists=True, file_okay=False, resolve_path=True)
        return click.Option(flag.names, help=flag.help, metavar=flag.metavar, type=folder, multiple=True)
    if not flag.metavar:
        return click.Option(flag.names, help=flag.help, is_flag=True)
    valid = click.Choice(flag.metavar.split("|")) if "|" in flag.metavar else click.STRING
    if flag.bare:
        return click.Option(flag.names, help=flag.help, type=valid, is_flag=False, flag_value=flag.bare)
    return click.Option(flag.names, help=flag.help, type=valid)


def _version(ctx: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from posereg.cli.version import run

        ctx.exit(run())
