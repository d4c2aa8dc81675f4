"""What a shell offers after `posereg <command>`: keys, their values, config groups and their choices."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from click.shell_completion import CompletionItem

from posereg.cli.spec import Command, Option


def candidates(
    command: Command, words: Sequence[str], incomplete: str, folders: Sequence[str]
) -> list[CompletionItem[Any]]:
    """What can follow `words` of a command.

    Args:
        incomplete: the beginning of the word that is being typed.
        folders: the --config-dir among the words.
    """
    key, equals, text = incomplete.partition("=")
    options = {option.name: option for option in command.options}
    if equals and key in options:
        return _values(options[key], f"{key}=", text)
    items: list[str] = []
    if not equals:
        typed = {word.partition("=")[0] for word in words}
        items += [f"{name}=" for name in options if name not in typed and name.startswith(incomplete)]
        position = sum("=" not in word for word in words)
        for option in command.positional[position : position + 1]:
            items += [name for name in _positional(option) if name.startswith(incomplete)]
    if command.config:
        names = _of_the_config(words, incomplete, folders)
        items += [
            n for n in names if command.config == "all" or n.lstrip("+~").startswith(("data=", "data."))
        ]
    return [CompletionItem(item) for item in items]


def _values(option: Option, prefix: str, text: str) -> list[CompletionItem[Any]]:
    if option.kind.is_path:
        return [CompletionItem(text, type="file")]
    return [CompletionItem(prefix + value) for value in option.kind.choices if value.startswith(text)]


def _positional(option: Option) -> list[str]:
    if option.kind.choices:
        return list(option.kind.choices)
    if option.name == "table":
        from posereg.config import experiments

        return sorted(f"{path.parent.name}/{path.name}" for path in experiments().glob("*/*/"))
    return []


def _of_the_config(words: Sequence[str], incomplete: str, folders: Sequence[str]) -> list[str]:
    """Config keys, groups and their choices, by Hydra's own completion."""
    from hydra.plugins.completion_plugin import DefaultCompletionPlugin

    from posereg.config import config_folders, hydra_session

    overrides = [word for word in words if "=" in word or word.startswith("~")]
    # A command line that is not finished need not compose; a shell shows nothing then.
    with contextlib.suppress(Exception), config_folders(folders), hydra_session() as hydra:
        plugin = DefaultCompletionPlugin(hydra.config_loader)
        names: list[str] = plugin._query(config_name="train", line=" ".join([*overrides, incomplete]))
        return [name for name in names if not name.startswith("hydra") or incomplete.startswith("h")]
    return []
