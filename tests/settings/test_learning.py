"""Schedules, phases and watched metrics against the rest of a run."""

from posereg.settings.learning import learning_problems


def told(schedule=None, phases=None, evaluate_only=False, **trainer):
    network = {"_target_": "x", "detector": {"_target_": "y"}, "regressor": {"_target_": "z"}}
    method = {"network": network, "schedule": schedule, "phases": phases}
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
