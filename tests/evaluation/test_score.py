import json

import numpy as np
import pytest

from evaluation.sets import pose_set, predict
from posereg.evaluation import lsp, pckh
from posereg.evaluation.score import score, tables
from posereg.records.poses import PoseSet
from posereg.skeletons.skeleton import LSP
from shared import shared


@pytest.fixture
def poses(tmp_path) -> PoseSet:
    (tmp_path / "joints.mat").write_text("")
    return pose_set(
        LSP, np.random.default_rng(0).uniform(0, 150, (5, 14, 2)), tmp_path / "joints.mat", name="lsp"
    )


def test_prints_the_columns_and_writes_the_figures(tmp_path, poses, capsys):
    np.save(tmp_path / "found.npy", poses.keypoints + 1)
    scored = score(poses, tmp_path / "found.npy", lsp.evaluate, tmp_path / "out.json")
    printed = capsys.readouterr().out
    assert "PCK@0.2" in printed
    assert "Shoulder" in printed
    assert "100.00" in printed
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["metrics"] == scored.metrics
    assert written["metrics"]["PCK@0.2/Head"] == 100
    assert written["curve"]["thresholds"][-1] == 0.2
    assert written["protocol"]["one_based"] is True
    assert written["protocol"]["source"] == "found.npy"


def test_what_has_no_figure_is_null_not_nan(tmp_path, poses):
    poses.visibility[:] = 0
    predict(poses, poses.keypoints).save(tmp_path / "found.npz")
    score(poses, tmp_path / "found.npz", lsp.evaluate, tmp_path / "out.json", show=False)
    text = (tmp_path / "out.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["metrics"]["PCK@0.2"] is None


def test_one_table_for_the_totals_and_one_for_each_metric_with_columns():
    found = tables({"A": 1.0, "A/x": 2.0, "A/y": 3.0, "B": 4.0, "B/z": 5.0})
    assert found == [("", {"A": 1.0, "B": 4.0, "B/z": 5.0}), ("A", {"x": 2.0, "y": 3.0, "Total": 1.0})]


def test_the_published_mpii_file_is_scored_from_end_to_end(tmp_path):
    from posereg.data.formats import mpii

    path = shared("data/mpii/annotations/detections_our_format.mat")
    poses = mpii.read(path.parent.parent, "valid", path)
    metrics = score(poses, path, pckh.evaluate, show=False).metrics
    assert metrics["PCKh@0.5"] == pytest.approx(82.337, abs=0.001)
    assert metrics["AUC"] == pytest.approx(55.781, abs=0.001)
