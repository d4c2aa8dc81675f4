"""Pictures drawn and saved: in order, as JPEG, the same from one process and from several, and a full disk."""

import cv2
import numpy as np
import pytest

from posereg.data.synthetic import pictures
from posereg.data.synthetic.pictures import Job, Options, draw_all
from posereg.data.synthetic.scene import Setting, render
from posereg.errors import UserError

SETTING = Setting(size=(64, 48))


def number_and_people(scene, job):
    return job.index, len(scene.people), scene.image.mean()


def jobs(folder, count=5):
    return [Job(k, folder / f"{k % 2}" / f"{k}.jpg", SETTING) for k in range(count)]


@pytest.mark.parametrize("workers", [1, 2])
def test_annotations_come_in_the_order_of_the_jobs(tmp_path, workers):
    got = draw_all(jobs(tmp_path), Options(5, seed=3, workers=workers), number_and_people, "made")
    scenes = [render(3, k, SETTING) for k in range(5)]
    assert got == [(k, len(s.people), s.image.mean()) for k, s in enumerate(scenes)]
    for k, scene in enumerate(scenes):
        saved = cv2.imread(str(tmp_path / f"{k % 2}" / f"{k}.jpg"))[..., ::-1]
        assert saved.shape == (48, 64, 3)
        assert np.abs(saved.astype(int) - scene.image).mean() < 6  # what JPEG loses


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures.cv2, "imwrite", lambda *_: False)
    with pytest.raises(UserError, match=r"cannot write .*0\.jpg: is the disk full\?"):
        draw_all(jobs(tmp_path, 1), Options(1), number_and_people, "made")


def test_no_jobs_draw_nothing(tmp_path):
    assert draw_all([], Options(0), number_and_people, "made") == []
    assert list(tmp_path.iterdir()) == []
