"""Settings against one another."""

from posereg.settings.cross import cross_problems

CONFIG = {
    "input_size": [256, 256], "input_scale": 1.0, "batch_size": 8, "evaluate_only": False, "crop_scales": [1.0],
    "init_weights": None, "flip_test": False,
    "trainer": {"accelerator": "cpu"}, "loader": {"_target_": "posereg.data.modules.topdown.TopDownData"},
    "method": {"_target_": "posereg.methods.integral.IntegralPose", "skeleton": "mpii", "network": {}},
    "data": {"name": "mpii", "skeleton": "mpii"},
}  # fmt: skip


def told(**change):
    return [str(problem) for problem in cross_problems({**CONFIG, **change})]


def test_the_network_says_what_size_it_needs():
    regressor = {"_target_": "posereg.networks.hourglass.HourglassRegressor", "order": 4}
    method = {**CONFIG["method"], "network": {"_target_": "torch.nn.Identity", "regressor": regressor}}
    assert told(input_size=[96, 96]) == []
    assert told(input_size=[96, 96], method=method) == [
        "input_size=[96, 96]: 96 is no multiple of 64, as the network needs; near: 128"
    ]
    small = {**method, "network": {**method["network"], "regressor": {**regressor, "order": 3}}}
    assert told(input_size=[96, 96], method=small) == []


def test_limits_fill_a_batch():
    loader = {**CONFIG["loader"], "batch_size": 8}
    assert told(loader={**loader, "limit_train": 8}) == []
    assert told(loader={**loader, "limit_train": 7}) == [
        "loader.limit_train=7: does not fill one batch of 8 (batch_size)"
    ]
    assert told(loader={**loader, "limit_train": 7}, evaluate_only=True) == []


def test_batches_are_shared_evenly():
    (line,) = told(trainer={"accelerator": "cpu", "accumulate": 3})
    assert line.startswith("batch_size=8: is shared by 1 devices x 3 batches a step")
