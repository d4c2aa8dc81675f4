"""Kinds of values, and usage lines."""

from pathlib import Path

import pytest

from posereg.cli.spec import (
    BOOLEAN,
    CONFIG_DIR,
    DIR,
    EXISTING_DIR,
    NAME,
    TEXT,
    Command,
    Flag,
    Kind,
    Option,
    choice,
    flag_usage,
    listed,
    number,
    whole,
)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (TEXT, " a=b ", " a=b "),
        (DIR, "a/b", Path("a/b")),
        (BOOLEAN, "Yes", True),
        (BOOLEAN, "0", False),
        (whole(0), "0", 0),
        (whole(1), "12", 12),
        (number(0, 1), "1", 1.0),
        (number(0.01), "3e2", 300.0),
        (choice("a", "b"), "b", "b"),
        (listed(whole(1)), "1,2", [1, 2]),
        (listed(NAME), "a", ["a"]),
    ],
)
def test_values(kind: Kind, text: str, value: object) -> None:
    assert kind.convert(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (TEXT, "", "no value"),
        (BOOLEAN, "maybe", "neither true nor false"),
        (whole(1), "0", "not a whole number of at least 1"),
        (whole(1), "1.5", "not a whole number of at least 1"),
        (number(0, 1), "1.01", "not a number from 0 to 1"),
        (number(0, 1), "nan", "not a number from 0 to 1"),
        (number(2), "inf", "not a number of at least 2"),
        (choice("lsp", "lspet"), "lspt", "no such choice, did you mean 'lspet'"),
        (listed(whole(1)), "1,,2", "an empty entry: not a whole number"),
        (EXISTING_DIR, "nowhere/at/all", "no such folder"),
    ],
)
def test_texts_that_are_no_value(kind: Kind, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        kind.convert(text)


def test_home_and_commas_in_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert DIR.convert("~/data") == tmp_path / "data"
    (tmp_path / "a,b").mkdir()
    (tmp_path / "c").mkdir()
    folders = listed(EXISTING_DIR)
    assert folders.convert(str(tmp_path / "a,b")) == [tmp_path / "a,b"]
    assert folders.convert(f"{tmp_path},{tmp_path / 'c'}") == [tmp_path, tmp_path / "c"]


def test_the_usage_line_brackets_what_may_be_left_out() -> None:
    options = (Option("in", DIR, "from", required=True), Option("n", whole(1), "count"))
    command = Command("do this", "help", options=options, positional=(Option("t", TEXT, "a"),), config="data")
    assert command.usage() == "posereg do this [T] data=NAME [data.KEY=VALUE ...] in=DIR [n=N]"
    loose = Command("x", "help", config="data", data_required=False, flags=(Flag(("-m", "--multi"), "many"),))
    assert loose.usage() == "posereg x [--multi] [data=NAME] [data.KEY=VALUE ...]"
    assert Command("y", "help", config="all").usage() == "posereg y [KEY=VALUE ...]"
    assert flag_usage(CONFIG_DIR) == "--config-dir DIR"
    assert flag_usage(Flag(("--info",), "print", "all|some", bare="all")) == "--info[=all|some]"


def test_a_word_of_pythons_own_gets_an_underscore_as_parameter():
    assert Option("from", DIR, "a file").parameter == "from_"
    assert Option("to", DIR, "a file").parameter == "to"
