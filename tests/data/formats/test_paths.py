"""Where a data set's files are looked for, and names that lead out of its folder."""

import pytest

from posereg.data.formats import paths
from posereg.errors import UserError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


def test_annotations_lie_in_the_root_or_in_annotations(tmp_path):
    inner = touch(tmp_path / "annotations" / "b.json")
    assert paths.annotation_file(tmp_path, None, ("a.json", "b.json")) == inner
    outer = touch(tmp_path / "b.json")
    assert paths.annotation_file(tmp_path, None, ("a.json", "b.json")) == outer
    first = touch(tmp_path / "annotations" / "a.json")
    assert (
        paths.annotation_file(tmp_path, None, ("a.json", "b.json")) == first
    )  # the candidates' order decides


def test_a_named_file_counts_from_the_working_folder_then_from_the_root(tmp_path, monkeypatch):
    root, here = tmp_path / "root", tmp_path / "here"
    inner = touch(root / "annotations" / "mine.json")
    here.mkdir()
    monkeypatch.chdir(here)
    assert paths.annotation_file(root, "mine.json", ("a.json",)) == inner
    touch(here / "mine.json")
    assert paths.annotation_file(root, "mine.json", ("a.json",)).resolve() == here / "mine.json"
    with pytest.raises(UserError, match=r"other\.json: no such annotation file.*data\.annotations"):
        paths.annotation_file(root, "other.json", ("mine.json",))


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none: no such data folder.*data\.root"):
        paths.annotation_file(tmp_path / "none", None, ("a.json",))
    with pytest.raises(UserError, match=r"expected a\.json or b\.json, there or in annotations/"):
        paths.annotation_file(tmp_path, None, ("a.json", "b.json"))


def test_image_folder_is_the_first_that_exists(tmp_path):
    assert paths.image_folder(tmp_path) == ""
    (tmp_path / "val2017").mkdir()
    assert paths.image_folder(tmp_path, "train2017", "val2017") == "val2017/"
    touch(tmp_path / "images")  # a file is no folder
    assert paths.image_folder(tmp_path) == ""


@pytest.mark.parametrize("name", ["a.jpg", "deep/er/a b.jpg", "..a.jpg", "a..jpg"])
def test_names_below_the_folder_pass(tmp_path, name):
    assert paths.image_name(name, tmp_path / "a.json") == name


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("../a.jpg", "lies outside"),
        ("a/../../b.jpg", "lies outside"),
        ("/etc/passwd", "lies outside"),
        ("", "must be a path"),
        ("a\0.jpg", "must be a path"),
        (7, "must be a path"),
        (None, "must be a path"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name, word):
    with pytest.raises(UserError, match=word) as caught:
        paths.image_name(name, tmp_path / "list.json")
    assert str(caught.value).startswith(str(tmp_path / "list.json"))


def test_missing_images_are_found_folder_by_folder(tmp_path):
    images = [f"{folder}/{k}.jpg" for folder in ("a", "b", "gone") for k in range(3)]
    for name in images[:6]:
        touch(tmp_path / name)
    (tmp_path / "a/1.jpg").unlink()
    assert paths.missing_images(tmp_path, images) == [1, 6, 7, 8]
    assert paths.missing_images(tmp_path, []) == []
