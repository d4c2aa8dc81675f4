"""`posereg completion`, and what the shell offers after `posereg <command>`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import Any

from click.shell_completion import BashComplete, CompletionItem, add_completion_class, get_completion_class

from posereg.cli.spec import Command, Option, choice

VARIABLE = "_POSEREG_COMPLETE"  # what the shell's function sets to ask for completions
COMMAND = Command(
    "completion",
    "print the script that completes posereg's commands, keys and config choices in your shell",
    "Load it from your shell's startup file; the examples are for bash, zsh and fish.",
    positional=(
        Option("shell", choice("bash", "zsh", "fish"), "your shell: bash, zsh or fish", required=True),
    ),
    examples=(
        'eval "$(posereg completion bash)"          # in ~/.bashrc',
        'eval "$(posereg completion zsh)"           # in ~/.zshrc, after compinit',
        "posereg completion fish | source           # in ~/.config/fish/config.fish",
    ),
)


class KeyValueBash(BashComplete):
    """Click's bash completion for words with `=` and `:`, at which bash breaks a word and Click does not.

    The words are taken from the line itself, and of each answer bash gets what lies behind its last break.
    """

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' response completion type value
    local word="${COMP_LINE:0:$COMP_POINT}"; word="${word##* }"
    local kept=""
    [[ $word == *[=:]* ]] && kept="${word%%"${word##*[=:]}"}"
    response=$(env COMP_WORDS="${COMP_LINE:0:$COMP_POINT}" %(complete_var)s=bash_complete $1)
    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        if [[ $type == 'dir' || $type == 'file' ]]; then
            compopt -o default
        else
            COMPREPLY+=("${value#"$kept"}")
            [[ $value == *[=./] ]] && compopt -o nospace
        fi
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The finished words after `posereg`, and the one that is being typed."""
        *words, last = os.environ["COMP_WORDS"].split(" ")
        return [word.strip("'\"") for word in words[1:] if word], last.lstrip("'\"")


add_completion_class(KeyValueBash)


def run(shell: str) -> int:
    """Print the script for that shell."""
    from posereg.cli.program import program

    complete = get_completion_class(shell)
    assert complete is not None
    print(complete(program(), {}, "posereg", VARIABLE).source())
    return 0


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
        given = {word.partition("=")[0] for word in words}
        items += [f"{name}=" for name in options if name not in given and name.startswith(incomplete)]
        position = sum("=" not in word for word in words)
        for option in command.positional[position : position + 1]:
            items += [name for name in _positional(option) if name.startswith(incomplete)]
    if command.config:
        found = _of_the_config(words, incomplete, folders)
        items += [
            n for n in found if command.config == "all" or n.lstrip("+~").startswith(("data=", "data."))
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
        found: list[str] = plugin._query(config_name="train", line=" ".join([*overrides, incomplete]))
        return [name for name in found if not name.startswith("hydra") or incomplete.startswith("h")]
    return []
