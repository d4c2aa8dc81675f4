from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from data.made import people
from posereg.data.formats.h80k import read_pose
from posereg.errors import UserError
from posereg.predict.submission import write_submission
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import H80K


def _case(root: Path) -> tuple[PoseSet, Predictions]:
    poses = people(root, 3, skeleton=H80K)
    points = 500 * np.random.default_rng(0).standard_normal((3, 18, 3)).astype(np.float32)
    ones = np.ones((3, 18), np.float32)
    # Another order than the frames'.
    order = [2, 0, 1]
    return poses, Predictions(poses.ids[order], poses.image_ids[order], points[order], ones, ones[:, 0])


def test_a_file_an_image_that_the_data_sets_own_reader_reads(tmp_path: Path) -> None:
    poses, found = _case(tmp_path)
    out = tmp_path / "out"
    assert write_submission(poses, found, out) == 3
    assert sorted(p.name for p in out.iterdir()) == ["000.csv", "001.csv", "002.csv"]
    for row in range(3):
        points = found.keypoints[found.ids.tolist().index(poses.ids[row])]
        assert_allclose(read_pose(out / f"{row:03d}.csv"), (points - points[0])[:17], atol=0.0051)
    lines = (out / "000.csv").read_text().splitlines()
    assert len(lines) == 17
    assert lines[0] == "0.00,0.00,0.00"
    assert all(len(value.split(".")[1]) == 2 for line in lines for value in line.split(","))
    assert "-0.00," not in (out / "000.csv").read_text()


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    poses, found = _case(tmp_path)
    out = tmp_path / "out"
    with pytest.raises(UserError, match="1 of 3 frames have no prediction"):
        write_submission(poses, found.rows(np.array([0, 1])), out)
    assert not out.exists()
    with pytest.raises(UserError, match="18 joints x 3 coordinates"):
        write_submission(poses, replace(found, keypoints=found.keypoints[..., :2]), out)
    write_submission(poses, found, out)
    with pytest.raises(UserError, match="something already"):
        write_submission(poses, found, out)
