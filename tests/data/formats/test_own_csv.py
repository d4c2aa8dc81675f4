"""DeepLabCut's and lightning-pose's tables against the same mice in COCO's form."""

import math

import numpy as np
import pytest

from mice import JOINTS, as_csv, mice, mouse_set
from posereg.data.formats import own_csv
from posereg.errors import UserError

HEAD = "scorer,me,me,me,me\nbodyparts,nose,nose,tail,tail\ncoords,x,y,x,y\n"


def table(tmp_path, text, **more):
    (tmp_path / "a.csv").write_text(text)
    return own_csv.load(tmp_path / "a.csv", **more)


@pytest.mark.parametrize("individuals", [False, True])
def test_the_same_mice_as_in_coco_s_form(tmp_path, individuals):
    content = mice(tmp_path, 6)
    as_csv(tmp_path, content, individuals)
    plain = mouse_set(tmp_path, 6)
    read = mouse_set(tmp_path, 6, format="dlc-csv", annotations="mouse.csv", images=None)
    assert read.left_out == {}
    assert read.images == plain.images
    assert read.skeleton.joints == tuple(JOINTS)
    np.testing.assert_allclose(read.keypoints, plain.keypoints, rtol=1e-6)
    np.testing.assert_array_equal(read.visibility, plain.visibility)
    low, high = plain.keypoints.min(1), plain.keypoints.max(1)
    np.testing.assert_allclose(read.extras["bbox"], np.concatenate([low, high - low + 1], 1), rtol=1e-5)


def test_tables_of_several_folders_are_one_set_and_part_of_its_hash(tmp_path):
    content = mice(tmp_path, 6)
    for k, rows in enumerate((slice(0, 4), slice(4, 6))):
        (tmp_path / f"video{k}").mkdir()
        as_csv(tmp_path, {**content, "annotations": content["annotations"][rows]})
        (tmp_path / "mouse.csv").rename(tmp_path / f"video{k}/CollectedData.csv")
    source = {"format": "dlc-csv", "annotations": "video*/CollectedData.csv", "images": None}
    read = mouse_set(tmp_path, 6, **source)
    np.testing.assert_allclose(read.keypoints, mouse_set(tmp_path, 6).keypoints, rtol=1e-6)
    before = read.annotation_hash
    with open(tmp_path / "video1/CollectedData.csv", "a") as file:
        file.write("\n")
    assert mouse_set(tmp_path, 6, **source).annotation_hash != before
    with pytest.raises(UserError, match=r"source.annotations: no file .*film"):
        mouse_set(tmp_path, 6, **{**source, "annotations": "film*/x.csv"})


def test_what_is_empty_is_not_labelled_and_who_has_nothing_is_not_there(tmp_path):
    content = table(tmp_path, HEAD + "a.png,1,2,,\nb.png,,,,\nc.png,3,4,5,nan\n")
    assert [image["file_name"] for image in content["images"]] == ["a.png", "b.png", "c.png"]
    assert [one["id"] for one in content["annotations"]] == ["a.png", "c.png"]
    first, second = (np.reshape(one["keypoints"], (2, 3)) for one in content["annotations"])
    assert first[:, 2].tolist() == [2, 0]
    assert second[1, 2] == 2  # half a place: the reader counts it
    assert math.isnan(second[1, 1])
    assert content["annotations"][0]["bbox"] == [1, 2, 1, 1]


def test_a_path_in_parts_and_pandas_line_of_names(tmp_path):
    head = "scorer,,,me,me\nbodyparts,,,nose,nose\ncoords,,,x,y\n"
    content = table(tmp_path, head + ",,,,\nlabeled-data,film,img1.png,1,2\n")
    assert [one["file_name"] for one in content["images"]] == ["labeled-data/film/img1.png"]


def test_several_animals_and_joints_that_only_one_has(tmp_path):
    text = (
        "scorer,me,me,me,me\nindividuals,m1,m1,m2,m2\nbodyparts,nose,nose,nose,nose\ncoords,x,y,x,y\n"
        "a.png,1,2,3,4\nb.png,,,5,6\n"
    )
    content = table(tmp_path, text)
    assert [one["id"] for one in content["annotations"]] == ["a.png: m1", "a.png: m2", "b.png: m2"]
    assert [one["keypoints"][:2] for one in content["annotations"]] == [[1, 2], [3, 4], [5, 6]]


def test_likelihoods_need_a_threshold(tmp_path):
    text = "scorer,m,m,m\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\na.png,1,2,0.4\nb.png,3,4,0.9\n"
    with pytest.raises(UserError, match=r"column likelihood; .*source.confidence: 0.5"):
        table(tmp_path, text)
    content = table(tmp_path, text, confidence=0.5)
    assert [one["keypoints"] for one in content["annotations"]] == [[1, 2, 0.4], [3, 4, 0.9]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no table of DeepLabCut"),
        ("", "no table of DeepLabCut"),
        (HEAD.replace("coords,x", "coords,z"), "coords must be x, y and likelihood, not 'z'"),
        (HEAD.replace("tail", "nose"), "has two columns nose x"),
        (HEAD + "a.png,1,2\n", "line 4: 2 values, the header names 4"),
        (HEAD + "a.png,1,2,3,four\n", "line 4: 'four' of tail y is no number"),
        (HEAD + "0,1,2,3,4\n", "'0' is no picture"),
    ],
)
def test_another_file_is_refused_by_what_is_wrong(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        table(tmp_path, text)


def test_tables_of_other_joints_are_no_one_set(tmp_path):
    one = table(tmp_path, HEAD)
    with pytest.raises(UserError, match="has the joints nose, tail, another table nose, ear"):
        own_csv.together([one, table(tmp_path, HEAD.replace("tail", "ear"))], tmp_path / "a.csv")
