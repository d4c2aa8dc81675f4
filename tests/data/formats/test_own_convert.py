"""Every form written and read again holds the same animals."""

import cv2
import numpy as np
import pytest

from mice import as_csv, as_slp, as_yolo, mice
from posereg.data.formats import own_convert
from posereg.errors import UserError
from posereg.predict import video

FORMS = {
    "mouse.json": "again.json",
    "mouse.csv": "again.csv",
    "mouse.slp": "again.slp",
    "yolo/data.yaml": "again",
}


@pytest.fixture
def folder(tmp_path):
    content = mice(tmp_path, 5)
    as_csv(tmp_path, content)
    as_slp(tmp_path, content)
    as_yolo(tmp_path, content, 4, named=True)
    return tmp_path


def by_picture(poses):
    """Keypoints, visibility and box of each picture's one animal, by the end of the picture's name."""
    assert len(poses) == len(poses.images)
    return {
        poses.images[image][-7:]: (
            poses.keypoints[row],
            poses.visibility[row],
            poses.extras["bbox"][row],
        )
        for row, image in enumerate(poses.person_image)
    }


@pytest.mark.parametrize("to", FORMS.values())
@pytest.mark.parametrize("form", FORMS)
def test_there_and_back(folder, form, to):
    first = own_convert.everybody(folder / form, folder / "pictures" if form == "mouse.json" else None)
    (folder / "made").mkdir()
    own_convert.writer_of(folder / "made" / to)(first, folder / "made" / to)
    written = folder / "made" / (f"{to}/data.yaml" if to == "again" else to)
    second = own_convert.everybody(
        written, None if to == "again" else folder / "pictures" if "yolo" not in form else folder / "yolo"
    )
    assert first.skeleton.joints == second.skeleton.joints
    assert {tuple(sorted(pair)) for pair in first.skeleton.flip_pairs} == {
        tuple(sorted(p)) for p in second.skeleton.flip_pairs
    }
    assert second.left_out == {}
    one, other = by_picture(first), by_picture(second)
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name][0], other[name][0], atol=1e-4)
        np.testing.assert_array_equal(one[name][1], other[name][1])
        if to in ("again.json", "again"):
            np.testing.assert_allclose(one[name][2], other[name][2], atol=1e-4)


@pytest.mark.parametrize("to", ["again.json", "again.csv", "again.slp"])
def test_several_animals_on_frames_of_a_film(tmp_path, to):
    content = mice(tmp_path, 2)
    with video.writer(tmp_path / "pictures/film.mp4", 25) as add:
        for _ in range(4):
            add(cv2.imread(str(tmp_path / "pictures/000.png")))
    content["images"] = [{"id": 0, "file_name": "film.mp4#2"}, {"id": 1, "file_name": "001.png"}]
    for one in content["annotations"]:
        one["image_id"] = 0
    content["annotations"][0]["keypoints"][2] = 0
    (tmp_path / "mouse.json").write_text(__import__("json").dumps(content))
    first = own_convert.everybody(tmp_path / "mouse.json", tmp_path / "pictures")
    own_convert.writer_of(tmp_path / to)(first, tmp_path / to)
    second = own_convert.everybody(tmp_path / to, tmp_path / "pictures")
    assert sorted(second.images) == ["pictures/001.png", "pictures/film.mp4#2"]
    assert [second.images[k] for k in second.person_image] == ["pictures/film.mp4#2"] * 2
    np.testing.assert_array_equal(first.visibility, second.visibility)
    np.testing.assert_allclose(
        first.keypoints * (first.visibility[..., None] > 0), second.keypoints, atol=1e-4
    )


def test_what_cannot_be_written_is_named(folder):
    with pytest.raises(UserError, match=r"x.txt: must end in .json"):
        own_convert.writer_of(folder / "x.txt".replace("x", "x"))
    first = own_convert.everybody(folder / "mouse.json", folder / "pictures")
    with pytest.raises(UserError, match="is there already and holds something"):
        own_convert.write_yolo(first, folder / "pictures")
