"""Names that are safe in a path, and lists that rise."""

import pytest

from posereg.settings.ranges import is_part, is_path, is_text, rising


@pytest.mark.parametrize("name", ["H1", "train+val", "I_star", "méthode", "a b", "x" * 200])
def test_safe_names(name):
    assert is_part(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", " a", "a\nb", "\x00", "x" * 201, "a:b", None, 3, "\u202e"]
)
def test_unsafe_names(name):
    assert not is_part(name)


def test_paths():
    assert is_path("integral/table2")
    assert not any(map(is_path, ("/abs", "a//b", "a/../b", "../a", "a/", "")))
    assert is_text("/any/where.ckpt")
    assert not is_text(" ")


def test_rising():
    assert rising([1, 1, 2])
    assert not rising([2, 1])
