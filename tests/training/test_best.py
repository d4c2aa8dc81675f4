from types import SimpleNamespace

import pytest
import torch

from posereg import config as configs
from posereg.errors import UserError
from posereg.train import train
from posereg.training.best import BestCheckpoint
from tiny import overrides


class Trainer:
    def __init__(self, folder):
        self.state, self.saved, self.callback_metrics = SimpleNamespace(fn="fit"), [], {}
        self.folder = folder

    def validated(self, best, value):
        self.callback_metrics = {"val/AUC": torch.tensor(value)}
        best.on_validation_end(self, None)

    def save_checkpoint(self, path):
        assert path == self.folder / "best.ckpt"
        self.saved.append(float(self.callback_metrics["val/AUC"]))


@pytest.mark.parametrize(("mode", "kept"), [("max", [1, 3, 5]), ("min", [1, 0])])
def test_only_better_ones_are_kept_also_after_going_on(tmp_path, mode, kept):
    best, trainer = BestCheckpoint("val/AUC", mode, tmp_path), Trainer(tmp_path)
    for value in (1.0, 3.0):
        trainer.validated(best, value)
    again = BestCheckpoint("val/AUC", mode, tmp_path)
    again.load_state_dict(best.state_dict())
    for value in (2.0, 5.0, 0.0, 5.0):
        trainer.validated(again, value)
    assert trainer.saved == kept


def test_a_metric_that_is_not_measured_is_named(tmp_path):
    with pytest.raises(UserError, match="no metric 'val/AUK', did you mean 'val/AUC'"):
        Trainer(tmp_path).validated(BestCheckpoint("val/AUK", "max", tmp_path), 1.0)


def run(folder, *more):
    given = overrides("mpii", folder, "method=R1", *more)
    return train(configs.compose(given), given)


def test_a_run_keeps_its_best_epoch_and_a_users_callback_stops_it(tmp_path):
    target = "_target_:pytorch_lightning.callbacks.EarlyStopping"
    stop = f"trainer.callbacks.stop={{{target},monitor:val/loss,mode:max,patience:1}}"
    best = "trainer.best={metric:val/loss,mode:min}"
    result = run(tmp_path, f"+{stop}", best, "trainer.epochs=20", "schedule.warmup=0")
    (folder,) = (path.parent for path in tmp_path.rglob("result.json"))
    assert torch.load(folder / "best.ckpt", weights_only=True)["state_dict"]
    assert result["training"]["epochs"] < 20


def test_what_is_no_callback_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"trainer\.callbacks.*'evil' must be.* a Callback"):
        run(tmp_path, "+trainer.callbacks.evil={_target_:os.system,command:ls}")
