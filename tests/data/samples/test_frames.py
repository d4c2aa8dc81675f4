import os

import numpy as np
import pytest

from posereg.data.samples import frames, jpeg
from posereg.data.samples.jpeg import BadImageError
from posereg.predict import video


@pytest.fixture
def film(tmp_path):
    """Forty frames, each four grey values brighter than the last."""
    with video.writer(tmp_path / "film.mp4", 25) as add:
        for number in range(40):
            add(np.full((48, 64, 3), 4 * number, np.uint8))
    return tmp_path / "film.mp4"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("a/b.mp4#12", ("a/b.mp4", 12)),
        ("b.AVI#0", ("b.AVI", 0)),
        ("b.mp4", None),
        ("b.mp4#", None),
        ("b.mp4#-1", None),
        ("a#3.png", None),
        ("b.png#3", None),
    ],
)
def test_names(path, wanted):
    assert frames.named(path) == wanted
    assert frames.file_of(path) == (path if wanted is None else wanted[0])


def test_frames_in_any_order_are_those_of_the_film(film):
    for number in (0, 1, 39, 7, 8, 38, 0, 20):
        pixels = jpeg.read(f"{film}#{number}").pixels
        assert pixels.shape == (48, 64, 4)
        assert abs(pixels[..., :3].mean() - 4 * number) < 2.5  # half the way to the next frame, and rounding
    assert jpeg.image_size(f"{film}#3") == jpeg.header_size(f"{film}#3") == (64, 48)


@pytest.mark.parametrize("number", [40, 10**6])
def test_beyond_the_last_frame_is_a_bad_image(film, number):
    with pytest.raises(BadImageError, match=rf"film.mp4#{number}: the video has no such frame"):
        jpeg.read(f"{film}#{number}")
    assert abs(jpeg.read(f"{film}#39").pixels[..., :3].mean() - 156) < 2.5


def test_no_film(tmp_path):
    (tmp_path / "b.mp4").write_bytes(b"nothing")
    for name in ("a.mp4#0", "b.mp4#0"):
        with pytest.raises(BadImageError, match=name):
            jpeg.read(tmp_path / name)
        assert jpeg.header_size(tmp_path / name) is None


def test_a_child_process_does_not_move_its_parents_place(film):
    jpeg.read(f"{film}#10")
    child = os.fork()
    if child == 0:
        right = abs(jpeg.read(f"{film}#30").pixels[..., :3].mean() - 120) < 2.5
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert abs(jpeg.read(f"{film}#11").pixels[..., :3].mean() - 44) < 2.5


def test_few_videos_stay_open(tmp_path, film):
    for number in range(2 * frames.OPEN):
        (tmp_path / f"{number}.mp4").write_bytes(film.read_bytes())
        assert frames.read(frames.Frame(str(tmp_path / f"{number}.mp4"), 1)) is not None
    assert len(frames._local.open) == frames.OPEN
