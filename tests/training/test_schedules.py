"""Learning-rate schedules: their shape over any budget."""

import itertools
import math

import pytest
import torch

from posereg.training import schedules

LR = 0.5


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)


def rates(build, total, **settings):
    """The rate of each step, in units of the optimiser's own."""
    made = optimizer()
    found = build(made, total, **settings)
    assert found["interval"] == "step"
    trace = []
    for _ in range(total):
        trace.append(made.param_groups[0]["lr"] / LR)
        made.step()
        found["scheduler"].step()
    return trace


@pytest.mark.parametrize("total", [140, 1400, 14])
def test_steps_fall_at_shares_of_the_whole_training(total):
    """Epochs 90 and 120 of 140 of the integral paper, whatever the budget."""
    trace = rates(schedules.steps, total)
    first, second = math.ceil(0.643 * total), math.ceil(0.857 * total)
    expected = [1.0] * first + [0.1] * (second - first) + [0.01] * (total - second)
    assert trace == pytest.approx(expected)


def test_warmup_rises_to_the_rate_in_even_steps():
    for build in (schedules.steps, schedules.cosine):
        trace = rates(build, 100, warmup=4)
        assert trace[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_a_cosine_ends_at_its_share_and_is_symmetric():
    trace = rates(schedules.cosine, 200, final=0.2)
    assert trace[0] == 1
    assert trace[100] == pytest.approx(0.6)
    assert trace[50] + trace[150] == pytest.approx(1.2)
    assert trace[-1] == pytest.approx(0.2, abs=1e-3)
    assert all(a > b for a, b in itertools.pairwise(trace))


@pytest.mark.parametrize(("warmup", "told"), [(50, True), (49, False), (0, False)])
def test_a_warmup_longer_than_the_run_is_said(warmup, told, capsys):
    schedules.cosine(optimizer(), 50, warmup=warmup)
    assert ("schedule.warmup=50" in capsys.readouterr().out) == told


def test_a_plateau_waits_and_stops_at_the_minimum():
    made = optimizer()
    found = schedules.plateau(
        made, 0, factor=0.1, patience=1, monitor="val/AUC", mode="max", minimum=0.01, every=3
    )
    assert (found["interval"], found["frequency"], found["monitor"]) == ("epoch", 3, "val/AUC")
    trace = []
    for value in (50, 60, 60, 60, 59, 58, 57, 56):
        found["scheduler"].step(value)
        trace.append(made.param_groups[0]["lr"])
    assert trace == pytest.approx([0.5, 0.5, 0.5, 0.05, 0.05, 0.01, 0.01, 0.01])


def test_constant_stays():
    assert rates(schedules.constant, 30) == [1.0] * 30
