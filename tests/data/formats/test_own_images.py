import pytest

from posereg.data.formats.own_images import ImageFiles, one_a_picture
from posereg.errors import UserError


@pytest.mark.parametrize(
    "declared",
    [
        "a.png",
        "pictures/a.png",
        "C:\\data\\pictures\\a.png",
        "/home/me/set/pictures/a.png",
        "../a.png",
        "A.PNG",
    ],
)
@pytest.mark.parametrize("folder", ["pictures", None])
def test_a_picture_is_found_however_it_is_declared(tmp_path, declared, folder):
    place = "pictures" if folder else "images"
    (tmp_path / place).mkdir()
    (tmp_path / place / "a.png").touch()
    assert ImageFiles(tmp_path, folder)(declared) == f"{place}/a.png"


def test_folders_in_the_name_tell_pictures_apart(tmp_path):
    for name in ("one", "two"):
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "a.png").touch()
    find = ImageFiles(tmp_path)
    assert [find("one/a.png"), find("x\\two\\a.png")] == ["images/one/a.png", "images/two/a.png"]


def test_what_is_not_there_keeps_its_name_below_the_folder(tmp_path):
    assert ImageFiles(tmp_path, "pictures")("b/a.png") == "pictures/b/a.png"
    assert ImageFiles(tmp_path)("../../etc/a.png") == "etc/a.png"


def test_names_that_lead_to_one_picture_are_refused_and_a_name_given_twice_is_not(tmp_path):
    (tmp_path / "a.png").touch()
    find = ImageFiles(tmp_path)
    declared = ["one/a.png", "two/a.png"]
    with pytest.raises(UserError, match=r"x.json: the images 'one/a.png' and 'two/a.png' both lead to a.png"):
        one_a_picture(declared, [find(name) for name in declared], tmp_path / "x.json")
    one_a_picture(["a.png", "a.png"], ["a.png", "a.png"], tmp_path / "x.json")
