"""Where an integral row starts: at a temperature that fits its heat map, with two losses that pull equally hard."""

import numpy as np
import pytest
import torch
from torch import nn

from posereg import config as configs
from posereg.build import build_method, load_method
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.losses.integral import disc_cross_entropy, gaussian_mse
from posereg.methods import integral_start
from posereg.methods.integral import IntegralPose
from posereg.methods.integral_start import TrainingMaps, pull, training_maps
from posereg.train import train
from tiny import overrides

ROWS = ["I1", "I2", "I3", "MS_I1", "MS_I3"]


def built(method, folder, *more):
    """The row with random weights, and the data it would train on."""
    plain = configs.plain(configs.compose(overrides("mpii", folder, f"method={method}", *more)))
    torch.manual_seed(0)
    return build_method(plain, weights=False), configs.instantiate(plain["loader"])


@pytest.mark.parametrize("method", ROWS)
def test_both_losses_pull_equally_hard_also_at_other_people(method, tmp_path):
    row, data = built(method, tmp_path)
    assert row.heatmap_weight is None
    row.measure(data.poses(data.train_split))
    seen = training_maps(row, data.poses(data.val_split))
    torch.manual_seed(1)  # the disc loss draws its negatives
    joint = pull(lambda maps: row.joint_term(maps, seen.keypoints, seen.weight), seen.stages)
    heatmap = pull(lambda maps: row.heatmap_term(maps, seen.keypoints, seen.weight), seen.stages)
    ratio = row.joint_weight * joint / (row.heatmap_weight * heatmap)
    assert 0.5 < ratio < 2


def test_the_joint_loss_is_in_cells_of_the_map(tmp_path):
    row, _ = built("I2", tmp_path, "input_scale=0.25")
    maps = torch.full((1, 16, 8, 8), -1e4)
    maps[:, :, 2, 3] = 0
    keypoints = torch.tensor([[4 * 8 + 3.5, 4 * 8 + 3.5]]).expand(
        1, 16, 2
    )  # the centre of cell (4, 4) of 8 pixels
    assert row.joint_term([maps], keypoints, torch.ones(1, 16)).item() == pytest.approx((1 + 2) / 2, abs=1e-4)


def test_the_people_are_the_same_ones_at_every_start(tmp_path, monkeypatch):
    monkeypatch.setattr(integral_start, "PEOPLE", 5)
    row, data = built("I2", tmp_path)
    poses = data.poses(data.train_split)
    once, again = training_maps(row, poses), training_maps(row, poses)
    torch.testing.assert_close(once.stages[0], again.stages[0])
    assert len(once.keypoints) == 5
    rows = np.linspace(0, len(poses) - 1, 5).astype(int)
    assert (once.weight.sum(1).numpy() <= (poses.visibility[rows] > 0).sum(1)).all()
    assert row.training  # as it was


def test_what_the_config_gives_is_not_measured(tmp_path):
    row, data = built("I1", tmp_path, "method.beta=12", "method.heatmap_weight=3")
    row.measure(data.poses(data.train_split))
    assert (row.beta, row.heatmap_weight) == (12, 3)


class Painted(nn.Module):
    """A network whose maps are given."""

    def __init__(self, maps):
        super().__init__()
        self.maps = nn.Parameter(maps)

    def forward(self, images):
        return [self.maps]


@pytest.mark.parametrize("loss", [gaussian_mse, disc_cross_entropy])
def test_a_row_starts_where_its_heat_map_is(loss, monkeypatch):
    """Noisy maps of low peaks as a heat-map row leaves them, a tenth of them at a wrong place."""
    generator = torch.Generator().manual_seed(0)
    keypoints = 16 + torch.rand(64, 16, 2, generator=generator) * 96
    shown = torch.where(torch.rand(64, 16, 1, generator=generator) < 0.1, keypoints.flip(0), keypoints)
    maps, weight = gaussian_maps(shown, torch.ones(64, 16), Grid(16, 16, 8.0), 1.0)
    maps = 0.5 * maps + 0.02 * torch.randn(maps.shape, generator=generator)
    given = {
        "network": Painted(maps), "skeleton": "mpii", "input_size": (128, 128), "optimizer": torch.optim.Adam,
        "heatmap_loss": loss,
    }  # fmt: skip
    heat_map = IntegralPose(**given, decode="argmax")
    row = IntegralPose(**given, joint_weight=1.0, heatmap_weight=None, beta=None)
    monkeypatch.setattr(
        "posereg.methods.integral.training_maps", lambda *_: TrainingMaps([maps], keypoints, weight)
    )
    row.measure(None)
    images = torch.zeros(64, 3, 128, 128)
    error = {one.decode: (one.predict(images)[0] - keypoints).norm(dim=-1) for one in (heat_map, row)}
    for radius in (4.0, 8.0, 16.0):
        within = {decode: (value <= radius).float().mean() for decode, value in error.items()}
        assert within["integral"] >= within["argmax"] - 0.01
    row.beta = 1.0  # what it was without: everybody in the centre
    assert (row.predict(images)[0] - 64).norm(dim=-1).max() < 16


def test_what_was_measured_stays_with_the_weights(tmp_path):
    """In the result, the checkpoint, a run that goes on, and one that only evaluates."""

    def run(row, *more):
        given = overrides("mpii", tmp_path, f"method={row}", "method.pretrain=null", *more)
        return train(configs.compose(given)), tmp_path / "synthetic/single"

    _, folder = run("H1", "trainer.epochs=1")
    weights = f"init_weights={folder}/H1/seed0/last.ckpt"
    untrained, _ = run("I1", weights, "evaluate_only=true", "row=untrained")
    trained, _ = run("I1", weights)
    start = trained["protocol"]
    assert start["beta"] == untrained["protocol"]["beta"]
    assert start["heatmap_weight"] > 0
    saved = load_method(folder / "I1/seed0/last.ckpt")
    assert (saved.beta, saved.heatmap_weight) == (start["beta"], start["heatmap_weight"])

    evaluated, _ = run(
        "I1", f"init_weights={folder}/I1/seed0/last.ckpt", "evaluate_only=true", "row=evaluated"
    )
    assert evaluated["metrics"] == trained["metrics"]
    for name in ("result.json", "status.json"):
        (folder / "I1/seed0" / name).unlink()
    again, _ = run("I1", weights)
    assert again["protocol"] == trained["protocol"]
    assert again["metrics"] == trained["metrics"]


def test_a_part_of_the_learning_rate(tmp_path):
    row, _ = built("I1", tmp_path, "method.optimizer.lr=0.01", "method.rate_factor=0.25")
    assert row.optimizer_factory(row.parameters()).param_groups[0]["lr"] == pytest.approx(0.0025)
    heat_map, _ = built("H1", tmp_path, "method.optimizer.lr=0.01")
    assert heat_map.optimizer_factory(heat_map.parameters()).param_groups[0]["lr"] == pytest.approx(0.01)
