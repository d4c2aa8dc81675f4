"""COCO files as columns: read piece by piece as from the content that json parses, and odd values with care."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posereg.errors import UserError
from posereg.records import coco_columns
from posereg.records.coco_columns import Columns

NUMBERS = (
    st.integers(-3, 3) | st.floats(-1e7, 1e7) | st.floats() | st.just("4") | st.none() | st.just(10**400)
)
IDS = st.integers(-2, 2**64) | st.text("ab1", max_size=2) | st.none() | st.floats(0, 9)
LISTS = st.lists(NUMBERS, max_size=6) | st.none() | st.just("x")
FIELDS = {
    "id": IDS, "image_id": IDS, "category_id": IDS, "keypoints": LISTS, "bbox": LISTS, "area": NUMBERS,
    "num_keypoints": NUMBERS, "iscrowd": st.sampled_from([0, 1, True, None, "yes"]),
    "segmentation": st.sampled_from([None, [[1, 2]], {"counts": "x"}]), "more": st.just({"a": []}),
}  # fmt: skip
PEOPLE = st.lists(st.fixed_dictionaries({}, optional=FIELDS), max_size=4)
IMAGES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={"id": IDS, "file_name": st.text('aé"/', max_size=3), "width": NUMBERS, "height": NUMBERS},
    ),
    max_size=4,
)


def assert_same(found, wanted):
    assert list(found.outlines()) == list(wanted.outlines())
    assert found.categories == wanted.categories
    for name in Columns.__annotations__:
        one, other = getattr(found, name), getattr(wanted, name)
        if isinstance(other, np.ndarray):
            np.testing.assert_array_equal(one, other, err_msg=name)
        else:
            assert repr(one) == repr(other), name


def joints(columns, rows, count):
    return [one for _, found in columns.joints(rows, count) for one in found.tolist()]


def written(path, people, images=(), categories=({"id": 1},)):
    content = {"images": list(images), "annotations": list(people), "categories": list(categories)}
    path.write_text(json.dumps(content))
    return path


@given(images=IMAGES, people=PEOPLE)
def test_odd_files_are_read_alike_in_pieces_and_whole(tmp_path_factory, images, people):
    path = written(tmp_path_factory.getbasetemp() / "columns.json", people, images)
    assert_same(coco_columns.read(path, True), coco_columns.of(json.loads(path.read_text()), path))


def test_what_the_columns_hold(tmp_path):
    people = [
        {"id": 5, "image_id": 2, "category_id": 1, "keypoints": [1, 2, 2, 3, 4, 0], "bbox": [1, 2, 3, 4.5],
         "area": 7.25, "num_keypoints": 1, "iscrowd": 0, "segmentation": [[1, 2]]},
        {"id": 6, "image_id": 1, "category_id": 1, "keypoints": [0] * 6, "iscrowd": 1, "segmentation": [[3]]},
        {"id": 7, "image_id": 1, "category_id": 1, "keypoints": [0.5, 1, 2, 0, 0, 0], "bbox": [1, 2, 3]},
    ]  # fmt: skip
    images = [{"id": 1, "file_name": "a", "width": 64, "height": 48}, {"id": 2, "file_name": "b"}]
    found = coco_columns.read(written(tmp_path / "a.json", people, images), outlines=True)
    assert (found.ids.tolist(), found.images.tolist()) == ([5, 6, 7], [2, 1, 1])
    assert found.crowd.tolist() == [False, True, False]
    assert joints(found, np.arange(3), 2) == [
        [[1, 2, 2], [3, 4, 0]], [[0, 0, 0], [0, 0, 0]], [[0.5, 1, 2], [0, 0, 0]]
    ]  # fmt: skip
    assert (found.lengths.tolist(), found.stored.tolist()) == ([6, 6, 6], [6, 0, 6])
    np.testing.assert_array_equal(found.bbox, [[1, 2, 3, 4.5], [math.nan] * 4, [math.nan] * 4])
    np.testing.assert_array_equal(found.area, [7.25, math.nan, math.nan])
    np.testing.assert_array_equal(found.num_keypoints, [1, math.nan, math.nan])
    np.testing.assert_array_equal(found.image_size, [[64, 48], [math.nan] * 2])
    assert list(found.outlines()) == [(1, b"[[3]]")]
    assert found.file_names == ["a", "b"]


@pytest.mark.parametrize(
    ("said", "crowd"),
    [(0, False), ("0", False), ("0.0", False), ("", False), (None, False), (False, False), (1, True), ("1", True),
     (1.0, True), (True, True), ("yes", True)],
)  # fmt: skip
def test_a_flag_may_be_written_as_text(tmp_path, said, crowd):
    found = coco_columns.read(written(tmp_path / "a.json", [{"id": 1, "image_id": 1, "iscrowd": said}]))
    assert found.crowd.tolist() == [crowd]


@pytest.mark.parametrize(
    ("said", "area"),
    [(-5, math.nan), (math.inf, math.nan), ("7", 7), ("x", math.nan), (0, 0), (None, math.nan)],
)
def test_an_area_is_a_number_of_pixels(tmp_path, said, area):
    found = coco_columns.read(written(tmp_path / "a.json", [{"id": 1, "image_id": 1, "area": said}]))
    np.testing.assert_array_equal(found.area, [area])


def test_joints_of_another_number_are_none(tmp_path):
    people = [
        {"id": 1, "image_id": 1, "keypoints": [1, 2, 2]},
        {"id": 2, "image_id": 1, "keypoints": [1] * 6},
    ]
    found = coco_columns.read(written(tmp_path / "a.json", people))
    assert joints(found, np.arange(2), 2) == [[[0, 0, 0]] * 2, [[1, 1, 1]] * 2]
    assert joints(found, np.array([0]), 1) == [[[1, 2, 2]]]
    assert joints(found, np.array([1]), 1) == [[[0, 0, 0]]]


@pytest.mark.parametrize("values", [[1, 2, 2], [40_000, 2, 2], [0.1, 2, 2], [0.5, math.nan, 2], [1e30, 1, 2]])
def test_numbers_are_as_exact_as_in_the_file(tmp_path, values):
    people = [{"id": k, "image_id": 1, "keypoints": numbers} for k, numbers in enumerate([[1, 2, 2], values])]
    found = coco_columns.read(written(tmp_path / "a.json", people))
    np.testing.assert_array_equal(found.values.astype(float), [1, 2, 2, *values])


@pytest.mark.parametrize("text", ["[]", "{}", '{"images": 3}', '{"images": [], "annotations": {}}'])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match="not a COCO annotation file"):
        coco_columns.read(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(text[:-1])
    with pytest.raises(UserError, match=r"not valid JSON \(line 1"):
        coco_columns.read(tmp_path / "a.json")
