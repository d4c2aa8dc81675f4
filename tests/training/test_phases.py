"""Staged training: when phases start, what the rates are, what is frozen, and that a cut-off run goes on exactly."""

import contextlib
import io
import math
from copy import deepcopy
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from posereg import config as configs
from posereg.errors import UserError
from posereg.methods.cascade import CascadePose
from posereg.runs import metrics_csv
from posereg.train import train
from posereg.training.phases import Phase, first_steps, in_use, label, parts_of, phased_optimizer
from tiny import overrides

PUBLISHED = {
    "detection": Phase(50, {"detector": 1}, {"detector": [1.0, 0.025]}, "geometric", ["regressor"]),
    "regression": Phase(40, {"regressor": 1}, {"regressor": [0.1, 0.025]}, "steps", ["detector"]),
    "joint": Phase(50, {"detector": 1, "regressor": 1}, [0.025]),
}
STEPS_PER_EPOCH = 3
# Two epochs a phase.
ROW = (
    "+experiments/cascade/table5=Res", "trainer.epochs=6", f"trainer.limit_train_batches={STEPS_PER_EPOCH}",
    "trainer.checkpoint_minutes=0.00001", "trainer.validate_every=2", "method.optimizer.lr=0.002",
)  # fmt: skip


def test_phases_start_at_the_published_epochs():
    assert first_steps([50, 40, 50], 140, 10) == [0, 500, 900]
    assert first_steps([50, 40, 50], 14, 10) == [0, 50, 90]
    assert first_steps([20, 20, 10], 50, 1) == [0, 20, 40]
    assert first_steps([1000, 1, 1], 3, 7) == [0, 7, 14]


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=5), st.integers(1, 200), st.integers(1, 50))
def test_every_phase_gets_its_share_in_whole_epochs(shares, epochs, steps):
    starts = first_steps(shares, epochs, steps)
    assert starts[0] == 0
    assert starts == sorted(starts)
    if epochs >= len(shares):
        lengths = [b - a for a, b in zip(starts, [*starts[1:], epochs * steps], strict=True)]
        assert all(length % steps == 0 and length >= steps for length in lengths)
    for start, before in zip(starts, range(len(starts)), strict=True):
        exact = sum(shares[:before]) / sum(shares) * epochs * steps
        assert abs(start - exact) <= len(shares) * steps


def network():
    return nn.ModuleDict(
        {"detector": nn.Linear(2, 2), "regressor": nn.Linear(2, 2), "other": nn.Linear(1, 1)}
    )


def rates(phases, starts, total):
    found = phased_optimizer(
        network(), lambda groups: torch.optim.SGD(groups, lr=1e-3), phases, starts, total
    )
    optimizer, scheduler = found["optimizer"], found["lr_scheduler"]["scheduler"]
    trace = {group["part"]: [] for group in optimizer.param_groups}
    for _ in range(total):
        for group in optimizer.param_groups:
            trace[group["part"]].append(group["lr"])
        optimizer.step()
        scheduler.step()
    return trace


def test_learning_rates_of_the_residual_recipe():
    trace = rates(PUBLISHED, [0, 50, 90], 140)
    detector, regressor = trace["detector"], trace["regressor"]
    # 1e-3 "progressively decreasing" to 2.5e-5, 1e-4 and then 2.5e-5, then the last.
    assert detector[0] == pytest.approx(1e-3)
    assert detector[49] == pytest.approx(2.5e-5)
    ratios = [b / a for a, b in pairwise(detector[:50])]
    assert ratios == pytest.approx([math.exp(math.log(0.025) / 49)] * 49)
    assert detector[50:] == pytest.approx([0.0] * 40 + [2.5e-5] * 50)
    assert regressor == pytest.approx([0.0] * 50 + [1e-4] * 20 + [2.5e-5] * 70)
    # A part that no phase names keeps the optimiser's own rate where rates are given by part.
    assert trace["rest"] == pytest.approx([1e-3] * 90 + [2.5e-5] * 50)


def test_a_phase_of_no_epochs_is_left_out():
    kept = in_use({**PUBLISHED, "regression": Phase(0)})
    assert list(kept) == ["detection", "joint"]


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        (Phase(-1), r"phases\.a\.epochs is -1"),
        (Phase(1, law="geometrc"), r"law 'geometrc', did you mean 'geometric'"),
        (Phase(1, lr=[]), r"phases\.a\.lr"),
        (Phase(1, lr={"x": [0.0]}), r"phases\.a\.lr"),
        (Phase(0), "every phase has 0 epochs"),
    ],
)
def test_phases_that_make_no_sense(phase, message):
    with pytest.raises(UserError, match=message):
        in_use({"a": phase})


def test_parts_the_network_does_not_have():
    with pytest.raises(UserError, match="no part 'detectr', did you mean 'detector'"):
        parts_of({"a": Phase(1, freeze=["detectr"])}, network())
    nested = nn.Sequential(network())
    with pytest.raises(UserError, match="overlap"):
        parts_of({"a": Phase(1, freeze=["0", "0.detector"])}, nested)


def run(folder):
    given = overrides("mpii", folder, *ROW)
    result = train(configs.compose(given), given)
    (status,) = folder.rglob("status.json")
    return result, status.parent


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A staged run: its folder, the network's state after every epoch, and what it printed."""
    states, said = [], io.StringIO()

    def remember(self):
        states.append((self.phase, label(self), deepcopy(self.network.state_dict())))

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(CascadePose, "on_train_epoch_end", remember)
        result, folder = run(tmp_path_factory.mktemp("whole"))
    return result, folder, states, said.getvalue()


def changed(before, after, part):
    return {k for k in before if k.startswith(part) and not torch.equal(before[k], after[k])}


def test_frozen_parts_do_not_move_and_neither_do_their_statistics(whole):
    _, _, states, _ = whole
    assert [phase for phase, _, _ in states] == ["detection"] * 2 + ["regression"] * 2 + ["joint"] * 2
    networks = [network for _, _, network in states]
    statistics = [
        k for k in networks[0] if k.endswith(("running_mean", "running_var", "num_batches_tracked"))
    ]
    assert {k.split(".")[0] for k in statistics} == {"detector", "regressor"}
    for before, after, moved in ((0, 1, "detector"), (1, 3, "regressor"), (2, 3, "regressor")):
        still = {"detector": "regressor", "regressor": "detector"}[moved]
        assert not changed(networks[before], networks[after], still)
        found = changed(networks[before], networks[after], moved)
        assert any(k in statistics for k in found)
        assert any(k.endswith("weight") for k in found)
    joint = changed(networks[3], networks[5], "")
    assert {k.split(".")[0] for k in joint} == {"detector", "regressor"}
    assert {k for k in statistics if k.endswith("running_mean")} <= joint


def test_the_phase_is_seen_in_the_log_and_in_the_curves(whole):
    _, folder, _, said = whole
    lines = [line for line in said.splitlines() if line.startswith("epoch")]
    assert [lines[k].split("  ")[1] for k in (0, 2, 4)] == ["detection 1/3", "regression 2/3", "joint 3/3"]
    assert "train/detector" in lines[0]
    assert "train/detector" not in lines[2]  # not computed in this phase
    rows = [row for row in metrics_csv.read(folder / "metrics.csv") if "phase" in row]
    assert [row["phase"] for row in rows] == [1, 1, 2, 2, 3, 3]
    # The rates at the end of each epoch: the optimiser's times the row's factors.
    assert [row["lr/detector"] for row in rows] == pytest.approx(
        [2e-3 * 0.025**0.4, 5e-5, 0, 0, 5e-5, 5e-5], rel=1e-4
    )
    assert [row["lr/regressor"] for row in rows] == pytest.approx([0, 0, 2e-4, 5e-5, 5e-5, 5e-5], rel=1e-4)


class CrashError(RuntimeError):
    pass


def test_a_run_cut_off_inside_the_second_phase_goes_on_bitwise(whole, tmp_path, monkeypatch):
    reference, folder, _, _ = whole
    losses, steps = CascadePose.losses, []
    crash_at = 2 * STEPS_PER_EPOCH + 2  # the third of the six steps of the regression phase

    def crashing(self, images, batch):
        if len(steps) == crash_at:
            steps.append(self.phase)
            raise CrashError
        steps.append(self.phase)
        return losses(self, images, batch)

    monkeypatch.setattr(CascadePose, "losses", crashing)
    with pytest.raises(CrashError):
        run(tmp_path)
    resumed, other = run(tmp_path)
    assert steps[crash_at] == "regression"
    assert len(steps) == 6 * STEPS_PER_EPOCH + 1  # nothing was trained twice
    assert resumed["metrics"] == reference["metrics"]
    ours, theirs = (torch.load(f / "last.ckpt", weights_only=True) for f in (other, folder))
    assert ours["state_dict"].keys() == theirs["state_dict"].keys()
    for name, tensor in theirs["state_dict"].items():
        assert torch.equal(tensor, ours["state_dict"][name]), name
    moments = [c["optimizer_states"][0]["state"] for c in (ours, theirs)]
    assert moments[0].keys() == moments[1].keys()
    for number, state in moments[1].items():
        assert torch.equal(state["square_avg"], moments[0][number]["square_avg"]), number
