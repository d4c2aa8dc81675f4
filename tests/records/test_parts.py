"""Columns that grow part by part are what they would be in one piece."""

import zipfile
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posereg.records import parts
from posereg.records.parts import Parts, slabs

KINDS = st.sampled_from([np.int16, np.int64, np.float32, np.float64, bool])
ARRAYS = st.builds(
    lambda kind, numbers: np.array(numbers).astype(kind), KINDS, st.lists(st.integers(0, 9), max_size=6)
)
VALUES = st.none() | st.integers(-(2**70), 2**70) | st.text(max_size=3)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A few rows are a part, and on the disk."""
    monkeypatch.setattr(parts, "SIZE", 40)
    monkeypatch.setattr(parts, "IN_MEMORY", 100)


def filled(columns):
    found = Parts()
    for name, added in columns.items():
        for part in added:
            found.add(name, part)
    found.finish()
    return found


@given(added=st.lists(ARRAYS, min_size=1, max_size=9), cut=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_numbers_are_those_of_numpy_and_any_rows_can_be_had(added, cut):
    found, wanted = filled({"a": added, "b": added[:1]}), np.concatenate(added)
    np.testing.assert_array_equal(found["a"], wanted)
    assert found["a"].dtype == wanted.dtype
    assert found.length("a") == len(wanted)
    np.testing.assert_array_equal(found.some("a", *cut), wanted[slice(*cut)])


@given(added=st.lists(st.lists(VALUES, max_size=3) | ARRAYS, min_size=1, max_size=9))
def test_what_is_no_number_makes_a_list_of_the_column(added):
    found = filled({"a": [*added, [None]]})
    assert found["a"] == [*chain.from_iterable(map(list, added)), None]
    assert found.length("a") == len(found["a"])


def test_columns_of_several_numbers_a_row(tmp_path):
    rows = np.arange(60.0).reshape(20, 3)
    found = filled({"a": np.split(rows, 4), "none": [np.zeros((0, 4))]})
    np.testing.assert_array_equal(found["a"], rows)
    assert (found["none"].shape, found.some("none", 0, 9).shape) == ((0, 4), (0, 4))
    found.save(tmp_path / "a.zip")
    again = Parts(zipfile.ZipFile(tmp_path / "a.zip"))
    np.testing.assert_array_equal(again.some("a", 3, 9), rows[3:9])
    assert sorted(again.members) == ["a", "none"]
    with pytest.raises(KeyError, match="other"):
        again["other"]


@pytest.mark.parametrize(
    ("count", "size", "wanted"), [(0, 3, []), (3, 3, [(0, 3)]), (4, 3, [(0, 3), (3, 4)])]
)
def test_slabs_cover_everything_once(count, size, wanted):
    assert [(one.start, one.stop) for one in slabs(count, size)] == wanted
