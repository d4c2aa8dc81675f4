"""Schedules, phases and watched metrics against the rest of a run."""

import pytest

from posereg import config as configs
from posereg.runs import metrics_csv
from posereg.settings.learning import learning_problems, logged
from posereg.train import train
from tiny import data_set, overrides


def told(schedule=None, phases=None, evaluate_only=False, **trainer):
    network = {"_target_": "x", "detector": {"_target_": "y"}, "regressor": {"_target_": "z"}}
    method = {"_target_": "torch.nn.Identity", "network": network, "schedule": schedule, "phases": phases}
    config = {"method": method, "trainer": trainer, "evaluate_only": evaluate_only}
    return [str(problem) for problem in learning_problems(config)]


def phase(**more):
    return {"_target_": "posereg.training.phases.Phase", "epochs": 1, "losses": {"detector": 1.0}, **more}


def test_watched_metrics_are_ones_that_runs_log():
    assert told({"monitor": "val/AUC"}, best={"metric": "val/loss"}) == []
    assert told({"monitor": "AUC"}) == [
        "schedule.monitor=AUC: must be a metric that runs log: val/loss, val/AUC, train/loss ..."
    ]
    assert told(best={"metric": "train/loss"}) == [
        "trainer.best.metric=train/loss: must be a metric of the validation, val/..."
    ]


def told_of(*given):
    config = configs.plain(configs.compose(given))
    return [str(problem) for problem in learning_problems(config)]


def test_watched_metrics_are_ones_that_this_method_logs_on_these_data():
    stop = "+trainer.callbacks.stop={_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: %s}"
    assert told_of("schedule=plateau", "schedule.monitor=val/AUC", stop % "val/PCKh@0.5") == []
    (line,) = told_of("schedule=plateau", "schedule.monitor=val/AUC", "data=h36m")
    assert line.startswith(
        "schedule.monitor=val/AUC: this method on these data logs no such metric; valid: val/MPJPE"
    )
    (line,) = told_of(stop % "val/los")
    assert line.startswith(
        "trainer.callbacks.stop.monitor=val/los: this method on these data logs no such metric"
    )
    (line,) = told_of("trainer.best={metric: val/aus, mode: max}")
    assert line.startswith("trainer.best.metric=val/aus: this method on these data logs no such metric")
    # H1 has no joint loss, I1 has.
    assert len(told_of("method=H1", "schedule=plateau", "schedule.monitor=train/joint")) == 1
    assert told_of("method=I1", "schedule=plateau", "schedule.monitor=train/joint") == []


def test_what_a_callback_of_the_users_logs_is_not_known():
    mine = "+trainer.callbacks.mine={_target_: posereg.training.callbacks.Throughput}"
    assert told_of(mine, "schedule=plateau", "schedule.monitor=val/mine") == []


SCENES = ("loader=bottomup", "augment=art", "augment.scale=[0.8,1.2]", "backbone=hrnet_w18_small")
RUNS = {
    "maps": ("mpii", "method=I1"),
    "coordinates": ("lsp", "method=R1", "data.reader.ranges={train: [1, 16], test: [17, 24], all: [1, 24]}"),
    "cascade": ("lspet", "method=cascade_res", "augment=none", "data.reader.ranges={train: [1, 16], val: [17, 24]}"),
    "softargmax": ("mpii", "method=softargmax", "augment=softargmax", "method.network.blocks=1"),
    "art": ("coco", "method=art", "method.scoring=false", *SCENES, "input_size=[128,128]", "input_scale=1.0"),
    "crowds": ("crowdpose", "method=art", "method.scoring=false", *SCENES, "input_size=[128,128]", "input_scale=1.0"),
    "volume": ("h80k", "method=volume", "loader=mixed", "augment=volume"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", RUNS)
def test_what_methods_and_metrics_say_that_they_log_is_what_a_run_logs(kind, tmp_path):
    data, *more = RUNS[kind]
    if kind == "volume":
        more.append(f"loader.others.mpii.root={data_set('mpii')}")
    given = [text for text in overrides(data, tmp_path) if not text.startswith("trainer=")]
    given = ["recipe=demo", "trainer=cpu", *given, "schedule.warmup=0", *more]
    config = configs.compose(given)
    train(config, given)
    known = logged(configs.plain(config))
    rows = metrics_csv.read(next(tmp_path.rglob("metrics.csv")))
    found = {name for row in rows for name in row}
    assert {name for name in found if name.startswith("train/")} >= known["train"]
    validated = {name for name in found if name.startswith("val/")}
    assert known["train"] == {name.replace("val/", "train/") for name in validated} & known["train"]
    assert validated >= {"val/loss"}
    # A metric that could not be counted (no person of that size) is not logged.
    assert validated <= known["val"] | {f"val/{loss}" for loss in ("detector", "regressor")}
    assert len(validated) >= len(known["val"]) - 5


def test_a_look_comes_when_the_metric_is_known():
    val = {"monitor": "val/AUC", "every": 4}
    assert told(val, validate_every=4) == told(val, validate_every=2) == []
    (line,) = told(val, validate_every=8)
    assert line.startswith("schedule.every=4: val/AUC is only known every 8 epochs")
    assert told({"monitor": "train/loss", "every": 1}, validate_every=8) == []


def test_phases_learn_something():
    assert told(phases={"a": phase(), "b": phase(epochs=0, losses={})}) == []
    assert told(phases={"a": phase(epochs=0)}) == ["method.phases: every phase has 0 epochs"]
    for losses in ({}, {"detector": 0.0}):
        (line,) = told(phases={"a": phase(losses=losses)})
        assert line.startswith("method.phases.a.losses=")
    (line,) = told(phases={"a": phase(freeze=["detector", "regressor"])})
    assert "every part is frozen" in line


def test_phases_name_parts_of_the_network():
    assert told(phases={"a": phase(freeze=["detector.head"], lr={"regressor": [1.0]})}) == []
    lines = told(phases={"a": phase(freeze=["detektor"], lr={"rest": [1.0]})})
    assert lines == [
        "method.phases.a.freeze: the network has no part 'detektor', did you mean 'detector'?",
        "method.phases.a.lr: the network has no part 'rest'; valid: detector, regressor",
    ]


def test_a_warm_up_ends_within_the_run():
    run = {"epochs": 10, "limit_train_batches": 5}
    assert told({"warmup": 50}, **run) == []
    assert told({"warmup": 51}, **run) == ["schedule.warmup=51: the run has 50 steps at most"]
    assert told({"warmup": 51}, evaluate_only=True, **run) == []
