"""The plan against real tiny runs, and its sums."""

import json

import pytest

from posereg.cli.main import main
from posereg.planning.plan import plan
from posereg.planning.rates import stated
from posereg.planning.sweep import planned
from tiny import overrides

FAMILIES = {
    "people": ("mpii", "method=H1", "backbone=resnet10", "input_scale=0.25", "width=0.25",
               "batch_size=6", "trainer.limit_train_batches=1.0", "trainer.accumulate=2",
               "loader.limit_train=20", "loader.limit_val=3"),
    "scenes": ("coco", "method=art", "loader=bottomup", "augment=art", "augment.scale=[0.9,1.1]",
               "backbone=hrnet_w18_small", "input_scale=0.25",
               "width=0.25", "batch_size=2", "trainer.limit_train_batches=0.7", "loader.limit_val=2",
               "method.scoring=false"),
    "mixed": ("h80k", "method=volume", "loader=mixed", "augment=volume", "backbone=resnet10", "input_scale=0.25",
              "width=0.25", "batch_size=2", "trainer.limit_train_batches=2", "loader.limit_val=2"),
}  # fmt: skip


def command(family, folder):
    kind, *own = FAMILIES[family]
    given = [*overrides(kind, folder), "trainer.accelerator=cpu", *own]
    return list({text.partition("=")[0]: text for text in given}.values())


def planned_plan(overrides, **more):
    return plan(planned([overrides]), stated(1), more.pop("devices", 1), more.pop("available", 80e9), **more)


@pytest.mark.parametrize(
    "family", ["people", *(pytest.param(name, marks=pytest.mark.slow) for name in ("scenes", "mixed"))]
)
def test_a_real_run_takes_the_planned_steps(family, tmp_path):
    arguments = command(family, tmp_path)
    (line,) = planned_plan(arguments).lines
    assert line.left == line.hours > 0
    assert main(["train", *arguments]) == 0
    (file,) = tmp_path.rglob("result.json")
    result = json.loads(file.read_text())
    amount = line.amount
    assert (amount.epochs, amount.steps, amount.images) == tuple(
        result["training"][k] for k in ("epochs", "steps", "images")
    )
    assert (line.cost.params, line.cost.macs) == tuple(result["complexity"][k] for k in ("params", "macs"))
    assert line.sizes.source == "read"
    (again,) = planned_plan(arguments).lines
    assert again.left == 0
    assert again.runs[0].state == "done"


def test_hours_are_operations_by_the_rate(tmp_path):
    arguments = [
        "+experiments/integral/table2=H1",
        "data=mpii",
        "data.root=nowhere",
        f"runs={tmp_path}",
        "seed=0,1",
    ]
    whole = planned_plan(arguments, devices=2)
    (line,) = whole.lines
    # 173 batches of 128 people, 140 epochs; a forward and a backward pass.
    assert line.amount[:3] == (140, 173 * 140, 173 * 140 * 128)
    forwards = 2958 * 140 * (3 if line.runs[0].config["flip_test"] else 2)
    assert line.flops == line.cost.macs * (6 * 173 * 140 * 128 + 2 * forwards)
    assert line.hours == pytest.approx(line.flops / 1e12 / 3600)
    assert whole.hours == pytest.approx(2 * line.hours)
    assert whole.makespan == pytest.approx(line.hours)


def test_a_run_on_several_devices_takes_all_of_them(tmp_path):
    arguments = [
        "method=H1",
        "data=mpii",
        "data.root=nowhere",
        f"runs={tmp_path}",
        "seed=0,1",
        "trainer.devices=2",
    ]
    whole = planned_plan(arguments, devices=2)
    assert whole.makespan == pytest.approx(whole.lines[0].hours)  # two runs, each half the time


def test_what_does_not_fit_says_what_would(tmp_path):
    arguments = ["method=H1", "data=mpii", "data.root=nowhere", f"runs={tmp_path}"]
    (line,) = planned_plan(arguments).lines
    assert line.fits is None
    (tight,) = planned_plan(arguments, available=0.6 * line.memory).lines
    assert tight.fits == (2, 64)
    (none,) = planned_plan(arguments, available=1e6).lines
    assert none.fits == (0, 0)
