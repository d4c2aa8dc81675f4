"""`posereg completion`: the script that makes a shell ask for completions (candidates.py)."""

from __future__ import annotations

import os

from click.shell_completion import BashComplete, add_completion_class, get_completion_class

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
