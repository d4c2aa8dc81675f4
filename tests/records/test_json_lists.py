"""Lists of objects read piece by piece, against json's own reading of the whole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posereg.records.json_lists import NotPlainError, pieces

LISTS = ("images", "annotations")
TEXTS = st.text(alphabet='ab"\\{}[],: \né\u2028', max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=5)


def read(path, block):
    found = {}
    for key, text in pieces(path, LISTS, block):
        found.setdefault(key, []).extend(json.loads(text))
    return found


@given(
    lists=st.fixed_dictionaries({}, optional=dict.fromkeys(LISTS, OBJECTS)),
    others=st.dictionaries(TEXTS.filter(lambda key: key not in LISTS), VALUES | OBJECTS, max_size=3),
    last=st.booleans(),
    block=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
    escaped=st.booleans(),
)
def test_what_is_read_in_pieces_is_what_json_reads(
    tmp_path_factory, lists, others, last, block, indent, escaped
):
    path = tmp_path_factory.getbasetemp() / "pieces.json"
    whole = {**others, **lists} if last else {**lists, **others}
    path.write_text(json.dumps(whole, indent=indent, ensure_ascii=escaped), encoding="utf-8")
    assert read(path, block) == lists


WHOLE = '{"info": {"a": [{"b": "}"}]}, "images": [{"id": 1}, {"id": [{}, 2]}], "annotations": [], "c": 1}'


@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize("end", range(len(WHOLE)))
def test_a_file_that_was_cut_off_is_not_taken_for_whole(tmp_path, end, block):
    (tmp_path / "a.json").write_text(WHOLE[:end])
    with pytest.raises(NotPlainError):
        read(tmp_path / "a.json", block)


@pytest.mark.parametrize(
    "text",
    [
        "[]", "7", "", '[{"id": 1}]', '{"images": [1]}', '{"images": [{}, 1]}', '{"images": [{}}',
        '{"images": [{} {}]}', '{"images": [{},]}', '{"images": [{}], "images": []}', '{"images": {"a": {}}}',
        '{"images": [{}]} {}', '{"images": [{}]', '{"other": [{} {}], "images": []}', '{images: []}',
        '{"images": [}]',
    ],
)  # fmt: skip
@pytest.mark.parametrize("block", [3, 1000])
def test_anything_but_an_object_of_lists_of_objects_is_refused(tmp_path, text, block):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises((NotPlainError, json.JSONDecodeError)):
        read(tmp_path / "a.json", block)


def test_a_byte_order_mark_is_passed_over(tmp_path):
    (tmp_path / "a.json").write_text('\ufeff{"images": [{"id": 3}]}', encoding="utf-8")
    assert read(tmp_path / "a.json", 5) == {"images": [{"id": 3}]}
