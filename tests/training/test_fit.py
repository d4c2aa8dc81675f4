"""Training that leaves the finite numbers, and the validation that a result comes from."""

import shlex

import pytest
import torch

from posereg import config as configs
from posereg.cli.main import main
from posereg.errors import UserError
from posereg.methods.integral import IntegralPose
from posereg.runs import metrics_csv
from posereg.train import train
from posereg.training import fit
from tiny import overrides


def run(folder, *more):
    replaced = {text.partition("=")[0] for text in more}
    given = [t for t in overrides("mpii", folder) if t.partition("=")[0] not in replaced] + list(more)
    return train(configs.compose(given), given)


def count(monkeypatch, name):
    function, calls = getattr(IntegralPose, name), []

    def counting(self, *given):
        calls.append(self.training)
        return function(self, *given)

    monkeypatch.setattr(IntegralPose, name, counting)
    return calls


def test_the_last_epoch_is_validated_once(tmp_path, monkeypatch):
    predicted = count(monkeypatch, "predict")
    result = run(tmp_path, "method=R1", "trainer.epochs=2")
    assert len(predicted) == 2 * 2  # two epochs of two validation batches
    rows = metrics_csv.read(next(tmp_path.rglob("metrics.csv")))
    assert [row["epoch"] for row in rows] == [0, 1]
    assert rows[-1]["val/AUC"] == pytest.approx(result["metrics"]["AUC"], abs=1e-4)


def test_weights_that_no_epoch_validated_are_validated_at_the_end(tmp_path, monkeypatch):
    predicted = count(monkeypatch, "predict")
    late = ["trainer.epochs=3", "trainer.validate_every=2"]
    result = run(tmp_path, "method=R1", "schedule.warmup=0", *late)
    assert len(predicted) == 2 * 2  # the second epoch, and the end
    rows = metrics_csv.read(next(tmp_path.rglob("metrics.csv")))
    assert rows[-1]["val/AUC"] == pytest.approx(result["metrics"]["AUC"], abs=1e-4)
    assert [row["epoch"] for row in rows if "val/AUC" in row] == [1, 3]


def test_a_validation_after_the_last_epoch_gives_the_figures_of_the_one_within(tmp_path):
    within = run(tmp_path / "within", "method=R1", "trainer.validate_every=2", "trainer.ema=0.5")
    after = run(tmp_path / "after", "method=R1", "trainer.validate_every=5", "trainer.ema=0.5")
    assert after["metrics"] == within["metrics"]


def test_a_backbone_that_does_not_take_the_images_is_named(tmp_path):
    oblong = ["method=R1", "backbone=timm/convit_tiny", "backbone.pretrained=false", "input_size=[64,96]"]
    with pytest.raises(UserError, match=r"^backbone convit_tiny: .*64x96 pixels.*choose another input_size"):
        run(tmp_path, *oblong, "input_scale=1")


def test_any_other_error_of_the_first_step_stays_as_it_is(tmp_path, monkeypatch):
    def failing(self, images, batch):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(IntegralPose, "losses", failing)
    with pytest.raises(RuntimeError, match="out of memory"):
        run(tmp_path, "method=R1")


def poison_weights(monkeypatch, step):
    """The loss of a step is finite and its gradient is not: the loss shows it a step later than the weights."""
    losses, steps = IntegralPose.losses, []

    def poisoned(self, images, batch):
        found = losses(self, images, batch)
        if self.training:
            steps.append(1)
            if len(steps) == step:
                weight = next(self.network.parameters())
                found["loss"] = (
                    found["loss"] + (weight - weight.detach()).abs().sqrt().sum()
                )  # d sqrt(0) = inf
        return found

    monkeypatch.setattr(IntegralPose, "losses", poisoned)


def test_a_state_that_is_not_finite_is_never_written(tmp_path, monkeypatch):
    poison_weights(monkeypatch, 3)
    with pytest.raises(
        UserError, match=r"became NaN or infinite before step 3; last\.ckpt holds the state of step 2"
    ):
        run(tmp_path, "method=R1", "trainer.limit_train_batches=8", "trainer.checkpoint_minutes=0.0000001")
    for path in tmp_path.rglob("*.ckpt"):
        content = torch.load(path, weights_only=True)
        assert all(torch.isfinite(v).all() for v in content["state_dict"].values())


def test_the_advice_about_a_loss_that_is_not_finite_works_to_the_letter(tmp_path, monkeypatch):
    more = ("method=R1", "trainer.limit_train_batches=8", "trainer.checkpoint_minutes=0.0000001")
    poison_weights(monkeypatch, 3)
    with pytest.raises(UserError) as first:
        run(tmp_path, *more, "method.optimizer.lr=0.004")
    # The same command comes to the same end, and says the same.
    poison_weights(monkeypatch, 1)
    with pytest.raises(UserError, match=r"last\.ckpt holds the state of step"):
        run(tmp_path, *more, "method.optimizer.lr=0.004")
    monkeypatch.undo()
    posereg, command, *given = shlex.split(str(first.value).splitlines()[-1])
    assert (posereg, command) == ("posereg", "train")
    assert "method.optimizer.lr=0.002" in given
    result = train(configs.compose(given), given)
    assert result["training"]["epochs"] == 2


def test_without_a_checkpoint_the_advice_works_too(tmp_path, monkeypatch):
    poison_weights(monkeypatch, 1)
    with pytest.raises(UserError, match="no checkpoint before") as caught:
        run(tmp_path, "method=R1")
    monkeypatch.undo()
    given = shlex.split(str(caught.value).splitlines()[-1])[2:]
    assert train(configs.compose(given), given)["training"]["epochs"] == 2


def test_the_advice_keeps_the_users_configs_and_any_path(tmp_path, monkeypatch, capsys):
    """From the command line with a data set of the user's own, below a folder whose name Hydra would read as a list."""
    (tmp_path / "mine/data").mkdir(parents=True)
    (tmp_path / "mine/data/own.yaml").write_text("defaults: [synthetic, _self_]\nname: own\n")
    given = overrides("mpii", tmp_path, "method=R1", "trainer.checkpoint_minutes=0.0000001")
    given = [text for text in given if not text.startswith(("data=", "runs=", "trainer.limit"))]
    folder = f"--config-dir={tmp_path / 'mine'}"
    given += [folder, "data=own", f"runs='{tmp_path}/a, b=1'", "trainer.limit_train_batches=8"]
    poison_weights(monkeypatch, 3)
    assert main(["train", *given]) == 2
    monkeypatch.undo()
    advice = capsys.readouterr().err.splitlines()[-1].strip()
    assert advice.startswith("posereg train --config-dir=")
    assert main(shlex.split(advice)[1:]) == 0
    (result,) = tmp_path.rglob("result.json")
    assert result.parent == tmp_path / "a, b=1/own/single/R1/seed0-retry"


def test_the_command_of_the_advice_replaces_what_was_given(monkeypatch):
    assert fit._command(["data=mpii", "+a=1", "run_dir=x y"], {"run_dir": "x z", "b": "2"}) == (
        "posereg train data=mpii +a=1 'run_dir='\"'\"'x z'\"'\"'' b=2"
    )
    monkeypatch.setenv("POSEREG_CONFIG_DIR", "/mine:/ours")
    assert fit._command([], {"a": "1"}) == "posereg train --config-dir=/mine --config-dir=/ours a=1"
