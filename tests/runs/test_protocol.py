"""The parts of a protocol are put together whatever their order, and may not contradict each other."""

from itertools import permutations

import pytest

from posereg.runs.protocol import merged


def test_no_order_decides():
    parts = {
        "run": {"precision": "32-true"},
        "data": {"split": "val"},
        "evaluation": {"split": "val", "people": 3},
    }
    expected = {"precision": "32-true", "split": "val", "people": 3}
    assert all(merged(dict(order)) == expected for order in permutations(parts.items()))


def test_a_contradiction_names_both_sides():
    with pytest.raises(ValueError, match=r"split is 'val' according to data, 'test' according to evaluation"):
        merged({"data": {"split": "val"}, "evaluation": {"split": "test"}})
