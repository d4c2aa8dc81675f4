"""A prediction goes on where it was cut off, and a picture that cannot be read costs only itself."""

import cv2
import numpy as np
import pytest
import torch

from posereg.errors import UserError
from posereg.methods.base import PoseModule
from posereg.predict import pictures, session, video
from posereg.predict.boxes import whole
from posereg.predict.estimator import Estimator
from posereg.predict.journal import Journal
from posereg.predict.session import Settings

HEADER = {"model": "brightest"}


class Brightest(PoseModule):
    """Finds the brightest point of a picture; counts how many it was shown."""

    def __init__(self):
        super().__init__(
            torch.nn.Identity(), {"name": "spot", "joints": ["spot"]}, (64, 64), torch.optim.Adam
        )
        self.shown = 0

    def predict(self, images):
        self.shown += len(images)
        score, place = images.sum(1).flatten(1).max(1)
        return torch.stack([place % 64, place // 64], 1)[:, None].float(), score[:, None]


@pytest.fixture
def estimator():
    return Estimator(Brightest(), "cpu")


def spot(x, y):
    image = np.zeros((128, 128, 3), np.uint8)
    cv2.circle(image, (x, y), 5, (255, 255, 255), -1)
    return image


PLACES = {f"{'abc'[k % 3]}/{k}.png": (20 + 10 * k, 100 - 9 * k) for k in range(7)}


@pytest.fixture
def folder(tmp_path):
    source = tmp_path / "photos"
    for name, place in PLACES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(source / name), spot(*place))
    return source


def predicted(estimator, folder, out, **settings):
    with Journal(out / "predictions.jsonl", HEADER) as journal:
        bad = session.predict_pictures(
            estimator, pictures.find(str(folder)), journal, out, Settings(whole, **settings)
        )
        return bad, {entry["image"]: entry for entry in journal.entries()}


def test_every_picture_has_its_own_people_and_overlay(estimator, folder, tmp_path):
    bad, entries = predicted(estimator, folder, tmp_path / "out", batch_size=3, overlay_size=64)
    assert bad == []
    assert set(entries) == set(PLACES)
    for name, place in PLACES.items():
        (person,) = entries[name]["people"]
        assert person["bbox"] == [0, 0, 128, 128]
        np.testing.assert_allclose(person["keypoints"]["spot"][:2], place, atol=7)
        assert cv2.imread(str(tmp_path / "out/overlays" / f"{name}.jpg")).shape == (64, 64, 3)


def test_without_overlays_none_are_drawn(estimator, folder, tmp_path):
    predicted(estimator, folder, tmp_path / "out", overlays=False)
    assert not (tmp_path / "out/overlays").exists()


def test_a_bad_picture_is_named_and_the_rest_go_on(estimator, folder, tmp_path, capsys):
    (folder / "a/broken.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "z.jpg").write_bytes(b"")
    bad, entries = predicted(estimator, folder, tmp_path / "out")
    assert set(entries) == set(PLACES)
    assert len(bad) == 2
    for name, place in PLACES.items():
        np.testing.assert_allclose(entries[name]["people"][0]["keypoints"]["spot"][:2], place, atol=7)
    printed = capsys.readouterr().err
    assert "broken.jpg" in printed
    assert "z.jpg" in printed


def test_what_was_done_is_not_done_again(estimator, folder, tmp_path):
    out = tmp_path / "out"
    _, entries = predicted(estimator, folder, out)
    assert estimator.module.shown == len(PLACES)
    lines = (out / "predictions.jsonl").read_bytes().splitlines(keepends=True)
    (out / "predictions.jsonl").write_bytes(b"".join(lines[:4]) + lines[4][:9])
    _, again = predicted(estimator, folder, out)
    assert estimator.module.shown == len(PLACES) + 4
    assert again == entries


FRAMES = [(20 + 8 * k, 64) for k in range(10)]


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mp4"
    with video.writer(path, 5) as add:
        for place in FRAMES:
            add(spot(*place))
    return path


def filmed(estimator, film, out):
    with video.opened(str(film), live=False) as opened, Journal(out / "predictions.jsonl", HEADER) as journal:
        session.predict_video(estimator, opened, journal, out, Settings(whole, batch_size=4))
        return list(journal.entries())


def check_film(entries, out):
    assert [entry["frame"] for entry in entries] == list(range(len(FRAMES)))
    assert entries[5]["time"] == 1.0
    for entry, place in zip(entries, FRAMES, strict=True):
        np.testing.assert_allclose(entry["people"][0]["keypoints"]["spot"][:2], place, atol=7)
    with video.opened(str(out / "overlay.mp4"), live=False) as overlay:
        assert overlay.count == len(FRAMES)
        for (_, pixels), (x, y) in zip(overlay.frames(), FRAMES, strict=True):
            # The white disc is covered by the joint's outline and its colour.
            assert pixels[y - 2 : y + 3, x - 2 : x + 3, 2].mean() < 235


def test_a_video_has_a_line_a_frame_and_an_overlay(estimator, film, tmp_path):
    check_film(filmed(estimator, film, tmp_path / "out"), tmp_path / "out")
    assert not list((tmp_path / "out").glob(".overlay*"))


def test_a_video_that_was_cut_off_goes_on(estimator, film, tmp_path, monkeypatch):
    out = tmp_path / "out"
    added = Journal.add
    budget = [5]

    def killed(self, entry):
        budget[0] -= 1
        if budget[0] < 0:
            raise KeyboardInterrupt
        added(self, entry)

    monkeypatch.setattr(Journal, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        filmed(estimator, film, out)
    assert not (out / "overlay.mp4").exists()
    monkeypatch.setattr(Journal, "add", added)
    before = estimator.module.shown
    check_film(filmed(estimator, film, out), out)
    assert estimator.module.shown - before == len(FRAMES) - 5


def test_ctrl_c_ends_a_live_source_with_what_there_is(estimator, film, tmp_path, monkeypatch):
    added = Journal.add

    def stopped(self, entry):
        added(self, entry)
        if entry["frame"] == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "add", stopped)
    with (
        video.opened(str(film), live=True) as opened,
        Journal(tmp_path / "predictions.jsonl", HEADER) as journal,
    ):
        assert session.predict_video(estimator, opened, journal, tmp_path, Settings(whole)) == 4
    with video.opened(str(tmp_path / "overlay.mp4"), live=False) as overlay:
        assert overlay.count == 4


def test_a_video_without_frames_is_refused(estimator, tmp_path):
    with video.writer(tmp_path / "film.mp4", 5) as add:
        add(spot(5, 5))
    with video.opened(str(tmp_path / "film.mp4"), live=False) as opened:
        list(opened.frames())
        with (
            Journal(tmp_path / "predictions.jsonl", HEADER) as journal,
            pytest.raises(UserError, match="no frame of"),
        ):
            session.predict_video(estimator, opened, journal, tmp_path, Settings(whole))
