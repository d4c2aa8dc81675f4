"""Progress of loops: the items themselves, with a bar for people and none in files."""

import io

import pytest

from posereg.terminal.progress import tracked


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_file_there_is_nothing_but_the_items(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tracked(iter("abc"), 3, "letters")) == ["a", "b", "c"]
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""


def test_in_a_terminal_the_bar_goes_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    assert list(tracked(range(4), 4, "pictures")) == [0, 1, 2, 3]
    assert "pictures" in shown.getvalue()
    assert "100%" in shown.getvalue()
    assert capsys.readouterr().out == ""


def test_items_are_taken_one_by_one() -> None:
    taken = []

    def items():
        for k in range(3):
            taken.append(k)
            yield k

    steps = tracked(items(), 3, "x")
    assert next(steps) == 0
    assert taken == [0]
