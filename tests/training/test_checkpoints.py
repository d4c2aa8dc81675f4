"""A run that is cut off at any place goes on as if nothing had happened: same weights, same figures, same curves,
and nothing that a checkpoint holds is trained twice."""

import numpy as np
import pytest
import torch

from posereg import config as configs
from posereg.methods.integral import IntegralPose
from posereg.predict import final
from posereg.records import predictions
from posereg.runs import folder as runs
from posereg.train import train
from posereg.training.checkpoints import Checkpoints
from tiny import overrides

# Three epochs of five batches in windows of two (the third of an epoch is cut short), a schedule that waits for the
# running mean of the training loss, and averaged weights.
HARD = (
    "method=H3", "trainer.epochs=3", "trainer.limit_train_batches=5", "trainer.accumulate=2", "batch_size=8",
    "schedule=plateau", "schedule.patience=0", "schedule.monitor=train/loss", "schedule.factor=0.5",
    "trainer.ema=0.9",
)  # fmt: skip
EVERY_STEP, NEVER = "trainer.checkpoint_minutes=0.0000001", "trainer.checkpoint_minutes=null"


class CrashError(BaseException):
    """Nothing in between takes it for an error to tidy up after."""


def run(folder, *more):
    given = overrides("mpii", folder, *more)
    return train(configs.compose(given), given)


def only_run(folder):
    (status,) = folder.rglob("status.json")
    return status.parent


def left_behind(folder):
    """Everything a run's folder says of its training, as comparable values."""
    folder = only_run(folder)
    checkpoint = torch.load(folder / "last.ckpt", weights_only=True)
    found = predictions.load(folder / "predictions.npz")
    evaluation = np.load(folder / "evaluation.npz")
    return {
        "weights": {k: v.numpy().tobytes() for k, v in checkpoint["state_dict"].items()},
        "optimizer": _bytes(checkpoint["optimizer_states"]),
        "schedules": checkpoint["lr_schedulers"],
        "position": checkpoint["posereg"]["position"],
        "predictions": (found.ids.tobytes(), found.keypoints.tobytes(), found.scores.tobytes()),
        "evaluation": {k: evaluation[k].tobytes() for k in evaluation.files},
        "curves": (folder / "metrics.csv").read_text(),
    }


def _bytes(value):
    if isinstance(value, torch.Tensor):
        return value.numpy().tobytes()
    if isinstance(value, dict):
        return {k: _bytes(v) for k, v in value.items()}
    return [_bytes(v) for v in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole")
    result = run(folder, *HARD, NEVER)
    return result, left_behind(folder)


def crash_in_step(monkeypatch, number):
    """At the training batch `number`, counted from 0 over the epochs; returns the batches seen."""
    losses, seen = IntegralPose.losses, []

    def crashing(self, images, batch):
        if self.training:
            seen.append(batch["index"].tolist())
            if len(seen) == number + 1:
                raise CrashError
        return losses(self, images, batch)

    monkeypatch.setattr(IntegralPose, "losses", crashing)
    return seen


def crash_in(monkeypatch, owner, name, number, when=lambda *_, **__: True, after=False):
    """In the call `number` of a function, counted from 0, before or after it did its work."""
    function, calls = getattr(owner, name), []

    def crashing(*given, **named):
        counts = when(*given, **named)
        calls.extend([1] * counts)
        if counts and len(calls) == number + 1 and not after:
            raise CrashError
        value = function(*given, **named)
        if counts and len(calls) == number + 1 and after:
            raise CrashError
        return value

    monkeypatch.setattr(owner, name, crashing)


def resumed(folder, whole, *more):
    """Cut off as the test has arranged, then run again: compares with the whole run and returns the new result."""
    with pytest.raises(CrashError):
        run(folder, *HARD, *more)
    assert not runs.is_done(only_run(folder), whole[0]["config_hash"])
    result = run(folder, *HARD, *more)
    assert result["metrics"] == whole[0]["metrics"]
    assert left_behind(folder) == whole[1]
    return result


@pytest.mark.parametrize(
    ("batch", "checkpoint"),
    [
        (0, 0),  # before anything was trained
        (1, 0),  # inside the first window
        (2, 2),  # between two windows
        (5, 5),  # an epoch's first batch: the checkpoint is that of the epoch's end
        (6, 5),  # inside the second epoch's first window
        (9, 9),  # an epoch's last batch, a window of its own
        (14, 14),  # the last batch of all
    ],
)  # fmt: skip
def test_a_run_cut_off_in_a_step_goes_on_from_the_last_window(
    tmp_path, monkeypatch, whole, batch, checkpoint
):
    seen = crash_in_step(monkeypatch, batch)
    resumed(tmp_path, whole, EVERY_STEP)
    assert len(seen) == (batch + 1) + (15 - checkpoint)
    assert seen[batch + 1 :][: batch - checkpoint + 1] == seen[checkpoint : batch + 1]


def test_without_timed_checkpoints_the_epoch_is_trained_again(tmp_path, monkeypatch, whole):
    seen = crash_in_step(monkeypatch, 12)
    resumed(tmp_path, whole, NEVER)
    assert len(seen) == 13 + 5


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_run_cut_off_in_validation_validates_that_epoch(tmp_path, monkeypatch, whole, epoch):
    crash_in(monkeypatch, IntegralPose, "predict", epoch)
    resumed(tmp_path, whole, EVERY_STEP)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_run_cut_off_around_an_epochs_checkpoint(tmp_path, monkeypatch, whole, epoch, after):
    crash_in(monkeypatch, Checkpoints, "_save", epoch, after=after)
    seen = crash_in_step(monkeypatch, 10**9)
    resumed(tmp_path, whole, NEVER)
    assert len(seen) == 15 + (0 if after else 5)


def test_a_run_cut_off_in_its_final_evaluation(tmp_path, monkeypatch, whole):
    crash_in(monkeypatch, final, "final_result", 0)
    seen = crash_in_step(monkeypatch, 10**9)
    result = resumed(tmp_path, whole, NEVER)
    assert len(seen) == 15
    assert {k: result["training"][k] for k in ("epochs", "steps", "images")} == {
        k: whole[0]["training"][k] for k in ("epochs", "steps", "images")
    }


def test_a_run_cut_off_between_its_result_and_its_status(tmp_path, monkeypatch, whole):
    crash_in(monkeypatch, runs, "write_status", 0, when=lambda folder, state, **_: state == "done")
    resumed(tmp_path, whole, NEVER)


def test_a_run_cut_off_again_and_again(tmp_path, monkeypatch, whole):
    losses, left = IntegralPose.losses, [3, 2, 4, 1, 3]

    def crashing(self, images, batch):
        if self.training and left:
            left[0] -= 1
            if left[0] == 0:
                left.pop(0)
                raise CrashError
        return losses(self, images, batch)

    monkeypatch.setattr(IntegralPose, "losses", crashing)
    for _ in range(5):
        with pytest.raises(CrashError):
            run(tmp_path, *HARD, EVERY_STEP)
    result = run(tmp_path, *HARD, EVERY_STEP)
    assert result["metrics"] == whole[0]["metrics"]
    assert left_behind(tmp_path) == whole[1]
