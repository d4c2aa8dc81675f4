"""What is valid and what is near, in words."""

from typing import Annotated, Literal

import pytest
from annotated_types import Gt, Interval, Len

from posereg.settings.ranges import Among, Count, Positive, Share
from posereg.settings.words import near, shown, valid


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (bool, "true or false"),
        (Count, "a whole number at least 1"),
        (Positive, "a number above 0"),
        (Share | None, "a number from 0 to 1 or null"),
        (Literal["l1", "l2"], "l1 or l2"),
        (tuple[int, int], "a list of 2: a whole number each"),
        (Annotated[list[float], Len(1)], "a list of numbers that is not empty"),
        (dict[str, int], "a mapping to whole numbers"),
        (Annotated[str, Among(lambda: ["a", "b"])], "a or b"),
        (object, "a config node with _target_ of a object"),
    ],
)
def test_valid(annotation, words):
    assert valid(annotation) == words


@pytest.mark.parametrize(
    ("annotation", "value", "words"),
    [
        (Literal["l1", "l2"], "L2", ", did you mean 'l2'?"),
        (Literal["l1", "l2"], "quite another", ""),
        (Annotated[int, Interval(ge=1, le=9)], 12, "; the nearest is 9"),
        (Annotated[int, Gt(0)], -5, "; the nearest is 1"),
        (Count, 2**70, "; the nearest is 1000000000"),
        (Positive, 1e30, "; the nearest is 1000000000"),
        (Annotated[float, Gt(0)], -5.0, ""),
        (int, 2.4, "; the nearest is 2"),
        (Count, float("nan"), ""),
        (Count, True, ""),
    ],
)
def test_near(annotation, value, words):
    assert near(annotation, value) == words


def test_shown_is_short_and_on_one_line():
    assert [shown(v) for v in (None, True, [1, "a"], {"k": None})] == ["null", "true", "[1, a]", "{k: null}"]
    for value in ("a\nb", "x" * 500, "\udcff", {"k": {"k": ["y" * 300]}}, 10**6000):
        text = shown(value)
        assert len(text) <= 60
        assert "\n" not in text
        text.encode()
