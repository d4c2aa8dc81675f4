"""Segmentations as pycocotools decodes them, and those that it must never see."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask

from posereg.data.formats import segments

SQUARE = [2.0, 2.0, 8.0, 2.0, 8.0, 8.0, 2.0, 8.0]


def covered(codes):
    return int(mask.decode(mask.merge(codes)).sum()) if codes else 0


def test_polygons_and_both_run_length_codes_are_passed_on():
    sound, codes = segments.codes([SQUARE], 10, 12)
    assert (sound, covered(codes)) == (True, 36)
    listed = {"size": [10, 12], "counts": [5, 7, 108]}
    compressed = mask.frPyObjects(listed, 10, 12)
    for counts in (listed["counts"], compressed["counts"], compressed["counts"].decode()):
        sound, codes = segments.codes({"size": [10, 12], "counts": counts}, 10, 12)
        assert (sound, covered(codes)) == (True, 7)
    assert segments.codes(None, 10, 12) == segments.codes([], 10, 12) == (True, [])


@settings(max_examples=50, deadline=None)
@given(picture=st.lists(st.booleans(), min_size=12 * 10, max_size=12 * 10))
def test_every_compressed_code_of_pycocotools_is_sound(picture):
    code = mask.encode(np.asfortranarray(np.reshape(picture, (10, 12)).astype(np.uint8)))
    sound, codes = segments.codes(code, 10, 12)
    assert (sound, covered(codes)) == (True, sum(picture))


@pytest.mark.parametrize(
    "odd",
    [
        "", "abc", 5, SQUARE, [SQUARE[:4]], [SQUARE[:7]], [[math.nan] * 8], [[math.inf] * 8], [[1e30] * 8], [["a"] * 6],
        {"counts": [120]}, {"size": [12, 10], "counts": [120]}, {"size": [10, 12], "counts": [119]},
        {"size": [10, 12], "counts": [-1, 121]}, {"size": [10, 12], "counts": [math.nan]},
        {"size": [10, 12], "counts": "\x00\x01"}, {"size": [10, 12], "counts": "ooooooooooooooooo"},
        {"size": [10, 12], "counts": "oo3\xff"}, {"size": [10, 12], "counts": None},
    ],
)  # fmt: skip
def test_what_pycocotools_would_fail_or_crash_on_is_none(odd):
    assert segments.codes(odd, 10, 12) == (False, [])
    assert segments.codes([SQUARE], None, 12) == (False, [])


def test_of_several_polygons_the_sound_ones_remain():
    sound, codes = segments.codes([[1, 2], SQUARE], 10, 12)
    assert (sound, covered(codes)) == (False, 36)
