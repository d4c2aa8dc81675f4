from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mice import mouse_set
from posereg.errors import UserError
from posereg.evaluation import bootstrap, oks, own, sigmas
from posereg.evaluation.bootstrap import contributions
from posereg.records.predictions import Predictions


def moved(poses, by):
    """Predictions that lie off the truth by `by` pixels, (N, K) or a number, to the right."""
    keypoints = poses.keypoints.copy()
    keypoints[..., 0] += by
    count = len(poses)
    return Predictions(
        ids=poses.ids,
        image_ids=poses.image_ids[poses.person_image],
        keypoints=keypoints,
        keypoint_scores=np.ones(keypoints.shape[:2], np.float32),
        scores=np.ones(count, np.float32),
        meta={},
    )


def test_pixel_errors_are_the_distances(tmp_path):
    poses = mouse_set(tmp_path, 4)
    off = np.tile(np.arange(12.0), (4, 1))
    found = own.evaluate(poses, moved(poses, off), metrics={"pixel_error": True})
    assert found.metrics["error"] == pytest.approx(5.5, abs=1e-4)
    assert found.metrics["median_error"] == pytest.approx(5.5, abs=1e-4)
    assert found.metrics["error/nose"] == pytest.approx(0, abs=1e-4)
    assert found.metrics["error/tail_tip"] == pytest.approx(11, abs=1e-4)
    assert "PCK@0.1" not in found.metrics
    numerator, denominator = contributions(found, "error")
    assert numerator.sum() / denominator.sum() == pytest.approx(found.metrics["error"])


def test_pck_is_the_share_within_a_part_of_the_length(tmp_path):
    poses = mouse_set(tmp_path, 4)
    poses = replace(poses, extras={**poses.extras, "bbox": np.tile([[0, 0, 20.0, 100.0]], (4, 1))})
    off = np.zeros((4, 12))
    off[:, 1] = 9.9
    off[:, 2] = 10.1
    off[:2, 11] = np.nan
    found = own.evaluate(poses, moved(poses, off), metrics={"pck": {"by": "box", "at": [0.1]}})
    assert found.metrics["PCK@0.1/L_ear"] == 100
    assert found.metrics["PCK@0.1/R_ear"] == 0
    assert found.metrics["PCK@0.1/Ears"] == 50
    assert found.metrics["PCK@0.1/tail_tip"] == 50
    assert found.metrics["PCK@0.1"] == pytest.approx(100 * 42 / 48)
    assert found.protocol["joints_not_predicted"] == 2


def test_two_joints_are_a_length(tmp_path):
    poses = mouse_set(tmp_path, 3)
    nose, tip = poses.keypoints[:, 0], poses.keypoints[:, 11]
    assert own.length(poses, ["nose", "tail_tip"]) == pytest.approx(
        np.linalg.norm(nose - tip, axis=1), abs=1e-3
    )
    hidden = poses.visibility.copy()
    hidden[1, 0] = 0
    assert np.isnan(own.length(replace(poses, visibility=hidden), ["nose", "tail_tip"])).tolist() == [
        False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("boxes", "must be box, torso"),
        ("torso", "no joint 'left_shoulder'"),
        (["nose", "tail_tp"], "did you mean"),
    ],
)
def test_a_length_that_is_none_is_named(tmp_path, by, said):
    with pytest.raises(UserError, match=said):
        own.length(mouse_set(tmp_path, 1), by)


def measured(poses, area=900.0, sigma=0.05):
    """With an area for everybody, and constants for every joint."""
    skeleton = replace(poses.skeleton, sigmas=(sigma,) * 12)
    return replace(poses, skeleton=skeleton, extras={**poses.extras, "area": np.full(len(poses), area)})


def test_oks_ap_is_pycocotools(tmp_path):
    poses = measured(mouse_set(tmp_path, 12))
    rng = np.random.default_rng(0)
    predictions = moved(poses, rng.normal(0, 3, (12, 12)))
    predictions = replace(predictions, scores=rng.random(12).astype(np.float32))
    found = own.evaluate(poses, predictions, metrics={"oks": True})
    assert set(found.metrics) == {"AP", "AP50", "AP75", "AR", "AR50", "AR75"}
    truth = COCO()
    truth.dataset = own.as_coco(poses, np.full(12, 900.0))
    with redirect_stdout(StringIO()):
        truth.createIndex()
        evaluator = COCOeval(truth, truth.loadRes(oks.results(predictions)), "keypoints")
        evaluator.params.kpt_oks_sigmas = np.full(12, 0.05)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    wanted = dict(zip(oks.METRICS, 100 * evaluator.stats, strict=True))
    assert 20 < wanted["AP"] < 95
    for name, value in found.metrics.items():
        assert value == pytest.approx(wanted[name], abs=1e-9), name
    assert found.protocol["oks_sigmas"] == "given"
    assert found.protocol["oks_sigma_of"]["nose"] == 0.05
    same = bootstrap.paired(found, found, "AP", poses.image_ids)
    assert (same.low, same.high) == (0, 0)


def test_an_area_that_is_missing_is_asked_for_and_never_put_in(tmp_path):
    poses = mouse_set(tmp_path, 4)
    with pytest.raises(UserError, match=r"4 of 4 have no 'area'.*metrics\.oks\.area: box"):
        own.evaluate(poses, moved(poses, 0), metrics={"oks": True})
    found = own.evaluate(poses, moved(poses, 0), metrics={"oks": {"area": "box"}})
    assert found.metrics["AP"] == 100
    assert found.protocol["oks_area"] == "box"
    assert found.protocol["oks_sigmas"] == sigmas.LEVEL
    np.testing.assert_allclose(own.areas(poses, "box"), poses.extras["bbox"][:, 2:].prod(axis=1))


def test_oks_stands_beside_the_others(tmp_path):
    poses = measured(mouse_set(tmp_path, 4))
    wanted = {"oks": True, "pck": {"by": "box", "at": [0.1]}, "pixel_error": True}
    found = own.evaluate(poses, moved(poses, 0), metrics=wanted)
    assert {"AP", "PCK@0.1", "error", "median_error/nose"} <= found.metrics.keys()
    assert found.metrics["AP"] == found.metrics["PCK@0.1"] == 100


def test_poses_that_are_nobodys_are_matched_by_oks_alone(tmp_path):
    poses = measured(mouse_set(tmp_path, 4))
    predictions = replace(moved(poses, 0), ids=np.full(4, -1))
    found = own.evaluate(poses, predictions, metrics={"oks": True, "pixel_error": True})
    assert found.metrics["AP"] == 100
    assert "error" not in found.metrics
    with pytest.raises(UserError, match="not tied to annotated people"):
        own.evaluate(poses, predictions, metrics={"pixel_error": True})
