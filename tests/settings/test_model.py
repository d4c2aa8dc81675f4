"""One value against one annotation: nothing is converted."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from posereg.settings.model import is_node, mistake
from posereg.settings.ranges import Count, Positive, Range, Size

NODE = {"_target_": "a.b"}


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 3), (float, 3), (Path | str, "x"), (Size, [64, 32]), (Sequence[float], [1, 2.5]), (Range, [1, 5]),
        (Mapping[str, int] | None, {"a": 1}), (Callable[[int], int], NODE), (Mapping[str, object], {"a": NODE}),
    ],
)  # fmt: skip
def test_valid_values_pass(annotation, value):
    assert mistake(annotation, value) is None


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, True), (int, "3"), (int, 3.0), (bool, 1), (str, 3), (float, float("inf")), (float, "nan"), (Size, [64]),
        (Size, 64), (Size, [64, -1]), (Sequence[str], "abc"), (Range, [5, 1]), (Count, 0), (Positive, 0), (dict, [1]),
        (Callable[[int], int], "f"), (Mapping[str, object], {"a": 3}), (Path, None),
    ],
)  # fmt: skip
def test_others_do_not(annotation, value):
    assert mistake(annotation, value)


def test_the_place_in_a_list_is_named():
    assert "(item 2 is -1)" in mistake(list[Count], [3, -1])


def test_a_node_is_a_mapping_with_a_target():
    assert is_node(NODE)
    assert not is_node({"a": 1})
    assert not is_node(["_target_"])
