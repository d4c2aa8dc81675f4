"""Help pages: what stands on them, and that they fit a terminal."""

import pytest

from posereg.cli.spec import BOOLEAN, DIR, NAME, Command, Flag, Option, listed, whole
from posereg.cli.text import WIDTH, command_help, command_markdown, overview

COMMAND = Command(
    "do",
    "does it",
    """
    A first paragraph of more words than fit into one line of a terminal, so that it has to be broken into two lines.

    A second one, about <data> and a_name, and `a_code`.
    """,
    options=(
        Option("out", DIR, "where it goes", required=True),
        Option("quiet", BOOLEAN, "or not", default=False),
        Option("names", listed(NAME), "which | ones", default=["a", "b"]),
        Option("count", whole(1), "how many", default_text="all"),
        Option("a_very_long_name_of_an_option", NAME, "its help starts a line of its own"),
    ),
    flags=(Flag(("-m", "--many"), "many times"),),
    examples=("posereg do out=x",),
)


def test_the_page_names_everything_and_fits() -> None:
    page = command_help(COMMAND)
    lines = page.splitlines()
    assert lines[0] == "posereg do: does it"
    assert max(map(len, lines)) <= WIDTH
    assert "  out=DIR                 where it goes (required)" in lines
    assert "  quiet=true|false        or not (default: false)" in lines
    assert "  names=NAME,...          which | ones (default: a,b)" in lines
    assert "  count=N                 how many (default: all)" in lines
    assert "  -m, --many              many times" in lines
    start = lines.index("  a_very_long_name_of_an_option=NAME")
    assert lines[start + 1] == " " * 26 + "its help starts a line of its own"
    assert lines[-2:] == ["examples:", "  posereg do out=x"]


@pytest.mark.parametrize(
    ("config", "words"), [("", ""), ("data", "data=NAME is a data set"), ("all", "KEY=VALUE")]
)
def test_config_keys_and_their_flag_are_explained_where_they_are_taken(config: str, words: str) -> None:
    page = command_help(Command("do", "does it", config=config))  # type: ignore[arg-type]
    assert ("--config-dir" in page) == bool(config)
    assert words in page
    assert ("GROUP=NAME" in page) == (config == "all")


def test_markdown_shows_texts_as_they_are_written() -> None:
    section = command_markdown(COMMAND)
    assert section.startswith("## posereg do\n\nDoes it.\n\n```\nposereg do ")
    assert "&lt;data> and a\\_name, and `a_code`." in section
    assert "| `names=NAME,...` | which \\| ones (default: a,b) |" in section
    assert section.endswith("Examples:\n\n```\nposereg do out=x\n```")


def test_the_overview_is_aligned() -> None:
    lines = overview("data ", [("data a", "first"), ("data longer", "second")]).splitlines()
    assert "usage: posereg data <command> [key=value ...]" in lines
    assert lines[4:6] == ["  data a       first", "  data longer  second"]
