"""A run from config to result: skipped when done, refused when different, resumed bitwise, never half-written."""

import errno
import json
import shutil

import numpy as np
import pytest
import torch

from posereg import config as configs
from posereg.errors import UserError
from posereg.methods.integral import IntegralPose
from posereg.networks.deconv import HeatmapNet
from posereg.records import predictions
from posereg.runs import folder as runs
from posereg.runs import results
from posereg.train import train
from tiny import data_set, overrides


def run(folder, *more, kind="mpii"):
    given = overrides(kind, folder, *more)
    return train(configs.compose(given), given)


def only_run(folder):
    (status,) = folder.rglob("status.json")
    return status.parent


def test_a_run_leaves_a_complete_record(tmp_path):
    result = run(tmp_path, "+experiments/integral/table2=H2")
    folder = only_run(tmp_path)
    assert folder == tmp_path / "synthetic/integral/table2/H2/seed0"
    assert results.read(folder / "result.json") == json.loads(json.dumps(result))
    assert {"PCKh@0.5", "PCKh@0.1", "AUC", "PCKh@0.5/Head"} <= result["metrics"].keys()
    assert result["overrides"][-1] == "+experiments/integral/table2=H2"
    assert result["paper"] == {"PCKh@0.5": 86.4, "PCKh@0.1": 17.6, "AUC": 53.1}
    assert {"dataset", "annotation_hash", "people", "flip_test", "input_size"} <= result["protocol"].keys()
    saved = predictions.load(folder / "predictions.npz")
    assert len(saved) == result["protocol"]["people"]
    assert np.isfinite(saved.keypoints).all()
    assert runs.read_status(folder)["state"] == "done"
    assert (folder / "metrics.csv").read_text().count("\n") >= 3
    curves = {"train/loss", "val/loss", "val/PCKh@0.5", "val/PCKh@0.1", "val/AUC"}
    assert result["learning"].keys() == curves
    assert result["calibration"]["joints"] == result["protocol"]["joints_counted"]
    assert result["metrics"]["confidence/ECE"] == result["calibration"]["ECE"]
    assert result["learning"]["val/AUC"]["steps"] == result["training"]["steps"]
    checkpoint = torch.load(folder / "last.ckpt", weights_only=True)
    assert checkpoint["posereg_config"]["row"] == "H2"


def test_a_finished_run_is_skipped_and_another_configuration_refused(tmp_path, monkeypatch):
    first = run(tmp_path, "method=I_star")
    monkeypatch.setattr(IntegralPose, "losses", lambda *_: pytest.fail("trained again"))
    assert run(tmp_path, "method=I_star") == json.loads(json.dumps(first))
    # Where it runs is not what it is.
    assert run(tmp_path, "method=I_star", "loader.workers=1") == json.loads(json.dumps(first))
    with pytest.raises(UserError, match=r"method\.optimizer\.lr: 0\.00\d -> 0\.1.*overwrite=true"):
        run(tmp_path, "method=I_star", "method.optimizer.lr=0.1")
    assert results.read(only_run(tmp_path) / "result.json") == json.loads(json.dumps(first))


def test_overwrite_throws_the_old_run_away(tmp_path):
    first = run(tmp_path, "method=R1")
    second = run(tmp_path, "method=R1", "method.optimizer.lr=0.03", "overwrite=true")
    assert first["config_hash"] != second["config_hash"]
    assert second["training"]["epochs"] == 2


def test_a_pretrained_row_trains_its_sibling_first(tmp_path, capfd):
    result = run(tmp_path, "+experiments/integral/table2=I2")
    sibling = tmp_path / "synthetic/integral/table2/H2/seed0"
    assert runs.read_status(sibling)["state"] == "done"
    assert "H2" in capfd.readouterr().out
    assert result["row"] == "I2"
    # The sibling is the very run that the sweep's own H2 would be.
    own = configs.plain(configs.compose(overrides("mpii", tmp_path, "+experiments/integral/table2=H2")))
    assert runs.is_done(sibling, runs.config_hash(own))


def test_a_nan_loss_stops_with_the_last_good_checkpoint(tmp_path, monkeypatch):
    losses, steps = IntegralPose.losses, []

    def poisoned(self, images, batch):
        found = losses(self, images, batch)
        if self.training:
            steps.append(1)
            if len(steps) == 3:
                found["loss"] = found["loss"] * float("nan")
        return found

    monkeypatch.setattr(IntegralPose, "losses", poisoned)
    with pytest.raises(UserError, match=r"NaN or infinite[\s\S]*lr"):
        run(tmp_path, "method=I_star")
    folder = only_run(tmp_path)
    state = torch.load(folder / "last.ckpt", weights_only=True)
    assert state["epoch"] == 1
    assert all(torch.isfinite(t).all() for t in state["state_dict"].values())


def test_a_full_disk_is_one_clear_error_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(UserError, match=r"predictions\.npz: No space left on device"):
        run(tmp_path, "method=R1")
    folder = only_run(tmp_path)
    assert not (folder / "predictions.npz").exists()
    assert not (folder / "result.json").exists()
    assert not [p for p in folder.iterdir() if p.name.startswith(".predictions")]
    monkeypatch.undo()
    assert run(tmp_path, "method=R1")["training"]["epochs"] == 2


def test_a_full_disk_while_checkpointing_keeps_the_earlier_checkpoint(tmp_path, monkeypatch):
    import pytorch_lightning as pl

    save, calls = pl.Trainer.save_checkpoint, []

    def filling(self, *given, **named):
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(self, *given, **named)

    monkeypatch.setattr(pl.Trainer, "save_checkpoint", filling)
    with pytest.raises(UserError, match="No space left on device"):
        run(tmp_path, "method=R1", "trainer.checkpoint_minutes=null")
    assert torch.load(only_run(tmp_path) / "last.ckpt", weights_only=True)["epoch"] == 1


def test_ema_weights_are_the_ones_evaluated_and_saved(tmp_path):
    result = run(tmp_path, "method=R1", "trainer.ema=0.9")
    assert np.isfinite(result["metrics"]["AUC"])


def test_training_images_that_are_gone_or_damaged_are_counted_in_the_result(tmp_path):
    root = tmp_path / "mpii"
    shutil.copytree(data_set("mpii"), root)
    config = configs.compose([*overrides("mpii", tmp_path), f"data.root={root}"])
    people = configs.instantiate(configs.plain(config)["data"]).read("train")
    gone, cut = (people.root / people.images[k] for k in (0, 1))
    gone.unlink()
    cut.write_bytes(cut.read_bytes()[:300])
    settings = ("method=R1", f"data.root={root}", "batch_size=2", "trainer.limit_train_batches=1.0")
    with pytest.raises(UserError, match=gone.name):
        run(tmp_path / "a", *settings)
    counted = run(tmp_path / "b", *settings, "loader.missing_images=drop")["training"]
    assert (counted["missing_images"], counted["undecodable_images"]) == (1, 1)


def test_a_network_that_cannot_be_counted_keeps_what_it_has_learned(tmp_path, monkeypatch, capsys):
    """One that asks for the pixels' values, which a tensor without data has not."""
    forward = HeatmapNet.forward
    monkeypatch.setattr(
        HeatmapNet,
        "forward",
        lambda self, images: forward(self, images if float(images.sum()) > 0 else -images),
    )
    result = run(tmp_path, "method=H1")
    assert result["complexity"] == {}
    assert result["metrics"]["AUC"] is not None
    assert runs.is_done(only_run(tmp_path), result["config_hash"])
    assert "complexity: left out, as the network cannot be counted (" in capsys.readouterr().out
