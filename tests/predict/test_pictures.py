"""Pictures are found with their folders, and seen as the camera was held."""

import threading
import time

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest

from posereg.data.samples.jpeg import BadImageError
from posereg.errors import UserError
from posereg.predict import pictures, video


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a/x.png", "a/deep/y.jpg", "a/notes.txt", "c.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(source):
    return [picture.name for picture in pictures.find(str(source))]


def test_a_folder_is_gone_through_and_names_keep_what_is_below_it(folder):
    assert names(folder) == ["a/deep/y.jpg", "a/x.png", "b.jpg"]
    assert all(picture.path.is_file() for picture in pictures.find(str(folder)))


def test_a_glob_names_from_its_first_wildcard(folder):
    assert names(folder / "a" / "**" / "*.jpg") == ["deep/y.jpg"]
    assert names(folder / "*" / "*.png") == ["a/x.png"]
    assert names(folder / "b.jpg") == ["b.jpg"]


def test_a_list_keeps_its_order(folder):
    (folder / "list.txt").write_text("b.jpg\n\n# not this\na/x.png\n")
    assert names(folder / "list.txt") == ["b.jpg", "a/x.png"]


def test_a_frame_of_a_video_is_a_picture(tmp_path):
    with video.writer(tmp_path / "film.mp4", 25) as add:
        for number in range(6):
            add(np.full((32, 48, 3), 40 * number, np.uint8))
    (tmp_path / "list.txt").write_text("film.mp4#4\nfilm.mp4#1\n")
    assert names(tmp_path / "film.mp4#3") == ["film.mp4#3"]
    assert names(tmp_path / "list.txt") == ["film.mp4#4", "film.mp4#1"]
    assert pictures.kind_of(str(tmp_path / "film.mp4#3")) == "pictures"
    seen = [
        pictures.read(picture.path)[..., :3].mean() for picture in pictures.find(str(tmp_path / "list.txt"))
    ]
    np.testing.assert_allclose(seen, [160, 40], atol=3)
    with pytest.raises(UserError, match="no image"):
        pictures.find(str(tmp_path / "none.mp4#3"))
    with pytest.raises(BadImageError, match=r"film\.mp4#6"):
        pictures.read(tmp_path / "film.mp4#6")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("b.jpg\nno.jpg\n", "line 2: no.jpg is no image file"),
        ("", "an empty list"),
        ("b.jpg\nb.jpg\n", "two images are called b.jpg"),
    ],
)
def test_a_wrong_list_names_the_line(folder, lines, message):
    (folder / "list.txt").write_text(lines)
    with pytest.raises(UserError) as refused:
        pictures.find(str(folder / "list.txt"))
    assert message in str(refused.value)


def test_nothing_there_is_said(tmp_path):
    for source in (tmp_path, tmp_path / "x.jpg", tmp_path / "*.jpg"):
        with pytest.raises(UserError, match="no image at"):
            pictures.find(str(source))


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("0", "webcam"), ("rtsp://camera/1", "stream"), ("https://a.b/c.m3u8", "stream"), ("a/walk.MP4", "video"),
        ("photos", "pictures"), ("a.jpg", "pictures"), ("*.png", "pictures"),
    ],
)  # fmt: skip
def test_what_a_source_is(source, kind):
    assert pictures.kind_of(source) == kind


def test_a_folder_with_a_number_for_a_name_is_no_webcam(tmp_path, monkeypatch):
    (tmp_path / "0").mkdir()
    monkeypatch.chdir(tmp_path)
    assert pictures.kind_of("0") == "pictures"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_pillow_turns_it(tmp_path, orientation):
    rng = np.random.default_rng(0)
    image = PIL.Image.fromarray(
        np.kron(rng.integers(0, 255, (3, 5, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    )
    exif = PIL.Image.Exif()
    exif[274] = orientation
    path = tmp_path / "a.jpg"
    image.save(path, exif=exif, quality=95)
    wanted = np.asarray(PIL.ImageOps.exif_transpose(PIL.Image.open(path)).convert("RGB")).astype(int)
    found = pictures.read(path)[..., :3].astype(int)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).mean() < 3


def test_a_damaged_picture_is_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8nothing")
    for name in ("a.jpg", "no.jpg"):
        with pytest.raises(BadImageError, match=name):
            pictures.read(tmp_path / name)


def test_ahead_keeps_the_order_and_never_runs_far_ahead():
    running, most, lock = [0], [0], threading.Lock()
    taken = []

    def work(item):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.005 * (item % 3))
        with lock:
            running[0] -= 1
        return item * item

    def items():
        for item in range(20):
            taken.append(item)
            yield item

    results = []
    for result in pictures.ahead(work, items(), count=3, threads=2):
        results.append(result)
        assert len(taken) <= len(results) + 3
    assert results == [item * item for item in range(20)]
    assert most[0] <= 2


def test_ahead_raises_at_the_items_turn():
    def work(item):
        if item == 2:
            raise ValueError("two")
        return item

    found = pictures.ahead(work, range(5))
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(found)
