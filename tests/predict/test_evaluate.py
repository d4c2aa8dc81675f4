"""A model scored without training: the run's own figures, and other joint sets matched by name."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from posereg import config as configs
from posereg.build import load_method
from posereg.cli.program import invoke
from posereg.data.formats import lsp
from posereg.errors import UserError
from posereg.methods.art import BottomUpPose
from posereg.networks.art import ARTNet
from posereg.networks.hrnet import HRNetTrunk
from posereg.predict.evaluate import NOWHERE, Request, evaluate, in_joints, joints_lacking, people_of_source
from posereg.predict.predictor import predict
from posereg.records import predictions
from posereg.records.predictions import Predictions
from posereg.reporting.collect import selection
from posereg.skeletons.skeleton import Skeleton, skeleton
from posereg.train import train
from tiny import data_set, overrides

COCO, LSP, MPII = (skeleton(name) for name in ("coco", "lsp", "mpii"))

RANGES = ["data.reader.ranges={train: [1, 16], test: [17, 24], all: [1, 24]}"]


def trained(kind, folder, *more):
    given = overrides(kind, folder, *more)
    config = configs.compose(given)
    train(config, given)
    return Path(config.run_dir)


@pytest.fixture(scope="module")
def mpii_run(tmp_path_factory):
    return trained(
        "mpii", tmp_path_factory.mktemp("evaluate"), "method=H1", "input_scale=0.25", "flip_test=true"
    )


def evaluated(checkpoint, kind, out, *more):
    name = {"mpii": "synthetic"}.get(kind, f"synthetic_{kind}")
    words = [f"checkpoint={checkpoint}", f"data={name}", f"data.root={data_set(kind)}", f"out={out}", *more]
    words += RANGES if kind == "lsp" else []
    assert invoke(["evaluate", *words]) == 0
    return json.loads((out / "result.json").read_text())


def test_a_runs_checkpoint_scores_as_the_run_did(mpii_run, tmp_path, capsys):
    theirs = json.loads((mpii_run / "result.json").read_text())
    ours = evaluated(mpii_run, "mpii", tmp_path / "out")
    assert ours["metrics"] == pytest.approx(theirs["metrics"], nan_ok=True)
    low, high = ours["intervals"]["PCKh@0.5"]
    assert low <= ours["metrics"]["PCKh@0.5"] <= high
    for key in (
        "dataset",
        "split",
        "annotation_hash",
        "people",
        "box_source",
        "flip_test",
        "metric",
        "input_size",
    ):
        assert ours["protocol"][key] == theirs["protocol"][key]
    assert "joints_lacking" not in ours["protocol"]
    assert "95 % between" in capsys.readouterr().out


def test_it_stands_beside_the_run_in_a_table(mpii_run, tmp_path):
    evaluated(mpii_run, "mpii", tmp_path / "out", "row=again")
    table = selection([mpii_run, tmp_path / "out"])
    assert {row.name for row in table.run_rows} == {"H1", "again"}
    first, again = table.row("H1"), table.row("again")
    assert first.mean("PCKh@0.5") == pytest.approx(again.mean("PCKh@0.5"))


def test_another_data_set_takes_the_joints_by_name(mpii_run, tmp_path):
    evaluated(mpii_run, "lsp", tmp_path / "out")
    found = predictions.load(tmp_path / "out/predictions.npz")
    poses = lsp.read(data_set("lsp"), "test", ranges={"test": [17, 24]})
    direct = predict(load_method(mpii_run), poses, device="cpu")
    assert found.ids.tolist() == direct.ids.tolist()
    for joint in ("left_wrist", "neck", "right_ankle"):
        if joint in MPII.joints:
            here, there = LSP.joints.index(joint), MPII.joints.index(joint)
            np.testing.assert_allclose(found.keypoints[:, here], direct.keypoints[:, there], atol=1e-3)


def test_what_the_model_lacks_is_said_and_counts_as_missed(tmp_path, capsys):
    run = trained("lsp", tmp_path / "runs", "method=R1", "input_scale=0.25", *RANGES)
    capsys.readouterr()
    result = evaluated(run, "mpii", tmp_path / "out")
    lacking = [name for name in MPII.joints if name not in LSP.joints]
    assert result["protocol"]["joints_lacking"] == lacking
    assert f"R1 has no {', '.join(lacking)}: counted as missed" in capsys.readouterr().out
    distance = np.load(tmp_path / "out/evaluation.npz")["distance"]
    for name in lacking:
        column = distance[:, MPII.joints.index(name)]
        assert (np.isnan(column) | (column > 100)).all()


def test_the_same_again_is_not_repeated_and_another_model_is_refused(mpii_run, tmp_path):
    evaluated(mpii_run, "mpii", tmp_path / "out")
    before = (tmp_path / "out/predictions.npz").stat().st_mtime_ns
    evaluated(mpii_run, "mpii", tmp_path / "out")
    assert (tmp_path / "out/predictions.npz").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="holds the result of another model or data set"):
        evaluated(mpii_run, "mpii", tmp_path / "out", "flip_test=false")


def test_a_bottom_up_model_is_scored_on_whole_images(tmp_path):
    torch.manual_seed(0)
    module = BottomUpPose(
        network=ARTNet(HRNetTrunk("hrnet_w18_small"), regression_width=32),
        skeleton="coco",
        input_size=(64, 64),
        optimizer=torch.optim.Adam,
        grouping={"center_threshold": -1.0},
    )
    node = configs.plain(configs.compose(["data=synthetic_coco", f"data.root={data_set('coco')}"]))["data"]
    data = people_of_source(module, configs.instantiate(node))
    result = evaluate(module, data, Request("0", node, "single", "untrained", device="cpu"), tmp_path)
    assert result["protocol"]["box_source"] == "none (bottom-up)"
    assert "scales" not in result["protocol"] or result["protocol"]["scales"] == module.protocol()["scales"]
    found = predictions.load(tmp_path / "predictions.npz")
    assert len(found)
    direct = data.source.evaluate(data.source.read_truth(data.val_split), found)
    assert result["metrics"]["AR"] == pytest.approx(direct.metrics["AR"])


def test_joints_of_two_skeletons():
    assert joints_lacking(COCO, LSP) == ["neck", "head_top"]
    other = Skeleton("mouse", ("snout", "tail"), ())
    with pytest.raises(UserError, match="mouse shares no joint with lsp"):
        joints_lacking(other, LSP)
    keypoints = np.arange(17 * 2, dtype=np.float32).reshape(1, 17, 2)
    scores = np.linspace(0.1, 1, 17, dtype=np.float32)[None]
    ids = np.zeros(1, np.int64)
    moved = in_joints(Predictions(ids, ids, keypoints, scores, scores[:, 0]), COCO, LSP)
    assert (moved.keypoints[0, LSP.joints.index("neck")] == NOWHERE).all()
    assert moved.keypoint_scores[0, LSP.joints.index("neck")] == 0
    knee = COCO.joints.index("left_knee")
    assert torch.equal(
        torch.from_numpy(moved.keypoints[0, LSP.joints.index("left_knee")]),
        torch.from_numpy(keypoints[0, knee]),
    )
