"""MATLAB files without a date: SciPy reads them back, and the same variables are the same bytes."""

import time

import numpy as np
from scipy.io import loadmat, whosmat

from posereg.data.synthetic.writers import matlab


def test_there_and_back(tmp_path):
    points = np.random.default_rng(0).random((3, 14, 5))
    matlab.save(tmp_path / "a.mat", {"joints": points, "release": {"version": "12", "count": 3.0}})
    content = loadmat(tmp_path / "a.mat", struct_as_record=False, squeeze_me=True)
    np.testing.assert_array_equal(content["joints"], points)
    assert (content["release"].version, content["release"].count) == ("12", 3)
    assert sorted(name for name, _, _ in whosmat(tmp_path / "a.mat")) == ["joints", "release"]


def test_the_same_variables_are_the_same_bytes_at_any_time(tmp_path, monkeypatch):
    matlab.save(tmp_path / "a.mat", {"x": np.arange(4.0)})
    monkeypatch.setattr(time, "asctime", lambda *_: "Thu Jan  1 00:00:00 1970")
    matlab.save(tmp_path / "b.mat", {"x": np.arange(4.0)})
    assert (tmp_path / "a.mat").read_bytes() == (tmp_path / "b.mat").read_bytes()
    assert (tmp_path / "a.mat").read_bytes()[:116].rstrip() == matlab.HEADER
