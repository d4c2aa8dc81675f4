"""Rows of the volume paper from config to result, on a tiny synthetic set in CHALL_H80K's layout."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from posereg import config as configs
from posereg.build import load_method
from posereg.cli.program import invoke
from posereg.data.formats import h80k
from posereg.geometry.bones import length_sum
from posereg.methods import ensemble
from posereg.predict.predictor import predict
from posereg.records import predictions
from posereg.skeletons.skeleton import H80K
from posereg.train import train
from tiny import data_set


def _train(folder: Path, *more: str) -> dict[str, Any]:
    root = data_set("h80k")
    given = [
        *more, "data=synthetic_h80k", f"data.root={root}", "backbone=resnet18", "trainer=volume_reduced",
        "trainer.epochs=1", "trainer.validate_every=1", "trainer.limit_train_batches=1", "batch_size=4", "width=0.125",
        f"loader.others.mpii.root={data_set('mpii')}", f"loader.others.coco.root={data_set('coco')}", f"runs={folder}",
    ]  # fmt: skip
    return dict(train(configs.compose(given), given))


def _folder(runs: Path, table: str, row: str) -> Path:
    return runs / f"synthetic_h80k/volume/{table}/{row}/seed0"


def _truth(split: str) -> np.ndarray:
    return np.asarray(h80k.read(data_set("h80k"), split).extras["xyz"], np.float64)


def test_table_1_scales_the_same_predictions_by_other_bones(tmp_path: Path) -> None:
    mean = _train(tmp_path, "+experiments/volume/table1=avg_train_val")
    frame = _train(tmp_path, "+experiments/volume/table1=per_frame")
    sums = [length_sum(_truth(split), H80K.parents) for split in ("train", "val")]
    assert mean["protocol"]["bone_lengths"]["train+val"] == pytest.approx(
        np.concatenate(sums).mean(), rel=1e-6
    )
    assert (mean["protocol"]["bone_source"], frame["protocol"]["bone_source"]) == ("train+val", "frame")
    assert mean["protocol"]["trained_beside"] == ["mpii"]
    assert mean["protocol"]["box_source"] == "projection"
    assert frame["trained_as"] == "volume/table1/avg_train_val seed 0"
    assert frame["training"]["seconds"] == 0
    a = predictions.load(_folder(tmp_path, "table1", "avg_train_val") / "predictions.npz").keypoints
    b = predictions.load(_folder(tmp_path, "table1", "per_frame") / "predictions.npz").keypoints
    assert_allclose(length_sum(a, H80K.parents), np.concatenate(sums).mean(), rtol=1e-4)
    assert_allclose(length_sum(b, H80K.parents), sums[1], rtol=1e-4)
    ratio = (sums[1] / np.concatenate(sums).mean())[:, None, None]
    assert_allclose(b, a * ratio, atol=0.05)
    assert {"MPJPE", "PA-MPJPE", "MPJPE/right_wrist"} <= mean["metrics"].keys()
    for name in ("skeletons", "error_by_joint", "error_by_depth"):
        assert (_folder(tmp_path, "table1", "per_frame") / frame["files"][name]).exists()

    # The checkpoint alone knows the size of people.
    checkpoint = _folder(tmp_path, "table1", "avg_train_val") / "last.ckpt"
    stored = torch.load(checkpoint, weights_only=True)["posereg_config"]["method"]["bone_lengths"]
    assert stored == mean["protocol"]["bone_lengths"]
    again = predict(load_method(checkpoint), h80k.read(data_set("h80k"), "val"), device="cpu")
    assert_allclose(length_sum(again.keypoints, H80K.parents), stored["train+val"], rtol=1e-4)


def test_the_ensemble_row_averages_its_siblings_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poses = h80k.read(data_set("h80k"), "val")
    noise = {
        name: np.random.default_rng(k).normal(size=(len(poses), 18, 3))
        for k, name in enumerate(("flip", "flip@100", "flip@200"))
    }
    ones = np.ones((len(poses), 18), np.float32)
    for name, shift in noise.items():
        points = (poses.extras["xyz"] + 30 * (shift - shift[:, :1])).astype(np.float32)
        made = predictions.Predictions(poses.ids, poses.image_ids, points, ones, ones[:, 0])
        made.save(tmp_path / name / "predictions.npz")
    asked = []

    def finished(row: str, *_: object) -> Path:
        asked.append(row)
        return tmp_path / row

    # Asked for twice: before the run has processes of its own, and where the predictions are read.
    monkeypatch.setattr("posereg.train.finished_sibling", finished)
    monkeypatch.setattr(ensemble, "finished_sibling", lambda row, plain, overrides: tmp_path / row)
    result = _train(tmp_path / "runs", "+experiments/volume/table2=ensemble")
    assert asked == ["flip", "flip@100", "flip@200"]
    mean = 30 * np.mean(list(noise.values()), axis=0)
    error = np.linalg.norm(mean - mean[:, :1], axis=-1)[:, :17].mean()
    assert result["metrics"]["MPJPE"] == pytest.approx(error, rel=1e-3)
    assert result["protocol"]["members"] == ["flip", "flip@100", "flip@200"]
    assert result["paper"] == {"MPJPE": 55.3}


def test_the_challenge_entry_is_the_mean_of_its_models(tmp_path: Path) -> None:
    """Trained on train and val; the files of two models together are the mean of each one's."""
    checkpoints = []
    for seed in (0, 1):
        result = _train(tmp_path / "runs", "+experiments/volume/challenge=single", f"seed={seed}")
        checkpoints.append(
            str(tmp_path / f"runs/synthetic_h80k/volume/challenge/single/seed{seed}/last.ckpt")
        )
    lengths = np.concatenate([length_sum(_truth(split), H80K.parents) for split in ("train", "val")])
    assert result["protocol"]["bone_lengths"]["train"] == pytest.approx(lengths.mean(), rel=1e-6)
    assert result["protocol"]["validation_images_trained_on"] == len(_truth("val"))
    files = {}
    for name, given in (("a", checkpoints[:1]), ("b", checkpoints[1:]), ("both", checkpoints)):
        out = tmp_path / name
        words = [f"data.root={data_set('h80k')}", "flip_test=true", "device=cpu", f"out={out}"]
        assert invoke(["submit", "data=synthetic_h80k", f"checkpoint={','.join(given)}", *words]) == 0
        files[name] = np.stack([np.loadtxt(path, delimiter=",") for path in sorted(out.glob("*.csv"))])
    assert files["both"].shape == (len(files["a"]), 17, 3)
    assert_allclose(files["both"], (files["a"] + files["b"]) / 2, atol=0.02)
    assert not np.allclose(files["a"], files["b"])
