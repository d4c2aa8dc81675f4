import pytest

from posereg.data.formats.own_images import ImageFiles


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
