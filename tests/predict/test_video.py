"""Videos: frames in order, and files that play again with the colours they were given."""

import importlib.util

import cv2
import numpy as np
import pytest

from posereg.errors import UserError
from posereg.predict import video


def frame(number, size=(64, 48)):
    """Its brightness is its number."""
    return np.full((size[1], size[0], 3), (10 + 20 * number, 60, 200), np.uint8)


def played(path):
    with video.opened(str(path), live=False) as opened:
        return opened.rate, opened.count, list(opened.frames())


@pytest.fixture(params=["av", "opencv"])
def engine(request, monkeypatch):
    if request.param == "opencv":
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    elif importlib.util.find_spec("av") is None:
        pytest.skip("PyAV is not installed")
    return request.param


@pytest.mark.parametrize("size", [(64, 48), (65, 49)])
def test_what_is_written_plays(tmp_path, engine, size):
    with video.writer(tmp_path / "a.mp4", 10) as add:
        for number in range(8):
            add(frame(number, size))
    rate, count, frames = played(tmp_path / "a.mp4")
    assert rate == pytest.approx(10)
    assert count == 8
    assert [number for number, _ in frames] == list(range(8))
    for number, pixels in frames:
        assert pixels.shape == (48, 64, 3)
        np.testing.assert_allclose(pixels[24, 32], frame(number)[0, 0], atol=16)


def test_a_browser_can_play_it(tmp_path, engine):
    if engine == "opencv":
        pytest.skip("OpenCV's own encoder is MPEG-4")
    import av

    with video.writer(tmp_path / "a.mp4", 25) as add:
        add(frame(0))
    with av.open(str(tmp_path / "a.mp4")) as file:
        stream = file.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.pix_fmt == "yuv420p"


def test_what_cannot_be_opened_is_said(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"nothing")
    for source in (tmp_path / "a.mp4", tmp_path / "no.mp4"):
        with pytest.raises(UserError, match=source.name), video.opened(str(source), live=False):
            pass


def test_sides_are_even():
    assert video.even(np.zeros((5, 8, 3), np.uint8)).shape == (4, 8, 3)
    assert video.even(np.zeros((4, 7, 3), np.uint8)).shape == (4, 6, 3)
    assert cv2.__version__
