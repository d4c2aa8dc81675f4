"""One process and two train and evaluate alike, in every family; what ends one of them ends the run."""

import json
import signal

import numpy as np
import pytest
import torch

import ranks
from posereg.cli.main import main
from posereg.records import predictions
from tiny import overrides

COMMON = (
    "+trainer.callbacks.steady={_target_:ranks.Steady}", "trainer.accelerator=cpu", "trainer.epochs=2",
    "trainer.limit_train_batches=3", "trainer.checkpoint_minutes=0.0001", "batch_size=4", "schedule.warmup=0",
    # Else Adam and RMSprop make whole steps of gradients that are nothing but rounding.
    "++method.optimizer.eps=1.0",
)  # fmt: skip
TOP_DOWN = ("loader.limit_val=5", "input_scale=0.25", "width=0.25", "backbone=resnet10")
FAMILIES = {
    "integral": ("mpii", *TOP_DOWN, "method=I_star"),
    "cascade": ("mpii", *TOP_DOWN, "method=cascade_res", "augment=cascade"),
    "softargmax": ("mpii", *TOP_DOWN[:2], "+experiments/softargmax/table1=context_08",
                   "++method.network.blocks=1", "++method.network.width=32", "augment=none", "schedule=cosine"),
    "volume": ("h80k", *TOP_DOWN, "method=volume", "loader=mixed", "augment=volume", "batch_size=2"),
    "bottomup": ("coco", "method=art", "loader=bottomup", "augment=art", "augment.scale=[0.9,1.1]",
                 "input_scale=0.25", "width=0.25", "backbone=hrnet_w18_small", "loader.limit_val=3",
                 "method.qualities=true", "method.scoring_epochs=2", "method.scoring_images=5",
                 "+method.grouping.center_threshold=0", "+method.grouping.keypoint_threshold=0"),
}  # fmt: skip


def arguments(family, folder, *more):
    kind, *own = FAMILIES[family]
    given = [*overrides(kind, folder), *COMMON, *own, *more]
    return list({text.lstrip("+").partition("=")[0]: text for text in given}.values())


def only_run(folder):
    (status,) = folder.rglob("status.json")
    return status.parent


def outcome(folder):
    """Weights, predictions and figures of a finished run."""
    run = only_run(folder)
    weights = torch.load(run / "last.ckpt", weights_only=True)["state_dict"]
    result = json.loads((run / "result.json").read_text())
    return weights, predictions.load(run / "predictions.npz"), result


def assert_same(one, other):
    """Up to the order in which numbers are added."""
    (weights, poses, result), (others_weights, others_poses, others_result) = one, other
    assert weights.keys() == others_weights.keys()
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, others_weights[name], atol=1e-4, rtol=1e-3, msg=name)
    np.testing.assert_array_equal(poses.ids, others_poses.ids)
    np.testing.assert_array_equal(poses.image_ids, others_poses.image_ids)
    near = np.isclose(poses.keypoints, others_poses.keypoints, rtol=0, atol=0.05)
    assert near.mean() >= (0.9 if "cascade" in result["row"] else 1.0)  # a flat map has several maxima
    assert result["config_hash"] == others_result["config_hash"]
    assert result["protocol"] == others_result["protocol"]
    figures, others = (
        {k: v for k, v in each["metrics"].items() if v is not None} for each in (result, others_result)
    )
    assert figures == pytest.approx(others, abs=0.01, rel=1e-3)
    assert result["files"] == others_result["files"]


@pytest.mark.slow
def test_two_processes_train_and_evaluate_as_one_does(tmp_path):
    short = ("method=R1", "trainer.epochs=1", "trainer.limit_train_batches=2")
    alone = arguments("integral", tmp_path / "alone", *short)
    pair = arguments("integral", tmp_path / "pair", *short, "trainer.devices=2")
    assert ranks.train(alone, 1, tmp_path / "log.txt") == [0], (tmp_path / "log.txt").read_text()
    assert ranks.train(pair, 2, tmp_path / "log.txt", ranks.srun) == [0, 0], (
        tmp_path / "log.txt"
    ).read_text()
    assert_same(outcome(tmp_path / "alone"), outcome(tmp_path / "pair"))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_do_what_one_does(family, tmp_path):
    alone, pair, log = tmp_path / "alone", tmp_path / "pair", tmp_path / "log.txt"
    assert ranks.train(arguments(family, alone), 1, tmp_path / "alone.txt") == [0]
    two = arguments(family, pair, "trainer.devices=2")

    # It ends because a process was killed: one that waits would be killed in turn, and end with -99.
    assert ranks.train(two, 2, log, TEST_KILL="1@3") == [1, -signal.SIGKILL]
    status = json.loads((only_run(pair) / "status.json").read_text())
    assert status["state"] == "failed"
    assert status["error"] == "another process of this run's 2 ended: it was killed or its machine was lost"

    assert ranks.train(two, 2, log) == [0, 0]
    assert "going on from" in log.read_text()
    assert_same(outcome(alone), outcome(pair))

    before = (only_run(pair) / "result.json").read_bytes()
    assert ranks.train(two, 2, log) == [0, 0]
    assert log.read_text().count("done already") == 1
    assert (only_run(pair) / "result.json").read_bytes() == before


def test_a_sweep_is_not_started_by_each_process(tmp_path, monkeypatch, capsys):
    for name, value in ranks.torchrun(1, 2, 29500).items():
        monkeypatch.setenv(name, str(value))
    assert main(["train", "-m", f"runs={tmp_path}", "method=R1,H1"]) == 2
    assert "2 processes would each run this sweep" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
