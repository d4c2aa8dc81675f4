"""Steps and passes of a run, worked out by hand. That real runs take them is in test_plan.py."""

import pytest

from posereg.errors import UserError
from posereg.planning.amount import ASPECT, amount, processes, trains_scorer
from posereg.planning.sizes import Sizes

TOP_DOWN, SCENES = "posereg.data.modules.topdown.TopDownData", "posereg.data.modules.scenes.BottomUpData"


def config(
    loader=TOP_DOWN, batch=8, scoring=False, scales=(1.0,), flip=False, evaluate_only=False, **trainer
):
    defaults = {"epochs": 10, "validate_every": 1, "limit_train_batches": 1.0, "accumulate": 1, "devices": 1}
    trainer = {**defaults, **trainer}
    share = batch // trainer["accumulate"] // trainer["devices"] // trainer.get("num_nodes", 1)
    return {
        "data": {"name": "some"},
        "method": {"flip_test": flip, "scales": list(scales), "scoring": scoring},
        "loader": {"_target_": loader, "batch_size": share},
        "trainer": trainer,
        "batch_size": batch,
        "evaluate_only": evaluate_only,
    }


def of(config, train=100, validation=10, scoring=False):
    return amount(config, Sizes(train, validation, "stated"), scoring)


def test_an_epoch_leaves_out_what_does_not_fill_a_batch():
    assert of(config(), train=100)[:3] == (10, 120, 960)  # 12 batches of 8


def test_limits_are_numbers_or_shares_of_batches():
    assert of(config(limit_train_batches=5)).steps == 50
    assert of(config(limit_train_batches=0.5)).steps == 60
    assert of(config(limit_train_batches=500)).steps == 120


def test_accumulation_ends_with_the_epoch():
    # 25 batches of 4 make 13 steps, the last one of a single batch.
    assert of(config(accumulate=2))[:3] == (10, 130, 1040)


def test_devices_share_a_step():
    assert processes(config(devices=2, num_nodes=2)["trainer"]) == 4
    assert of(config(devices=2, num_nodes=2), train=103).steps == 120  # 25 each, 12 batches of 2


def test_forward_passes_of_validation():
    assert of(config()).forwards == 10 * 10 * 2  # losses and poses
    assert of(config(flip=True)).forwards == 10 * 10 * 3
    assert of(config(validate_every=4)).forwards == 3 * 10 * 2  # epochs 4 and 8, and the last weights
    assert of({**config(evaluate_only=True), "crop_scales": [0.9, 1.0, 1.1]}).forwards == 10 * 2 + 2 * 10


def test_whole_images_are_larger_than_the_input_and_scales_count_by_area():
    one = of(config(SCENES, evaluate_only=True, flip=True, scales=(0.5, 1.0, 2.0)))
    assert one[:3] == (0, 0, 0)
    assert one.forwards == pytest.approx(10 * ASPECT * (1 + 2 * 5.25))


def test_a_scoring_network_looks_at_the_training_images_once():
    without = of(config(SCENES, evaluate_only=True))
    assert of(config(SCENES, evaluate_only=True), scoring=True).forwards - without.forwards == pytest.approx(
        100 * ASPECT
    )


def test_only_weights_without_a_scoring_network_get_one():
    trained, plain = config(scoring=True), config()
    assert trains_scorer(trained, [])
    assert not trains_scorer(plain, [])
    evaluated = config(scoring=True, evaluate_only=True)
    assert trains_scorer(evaluated, [plain])
    assert not trains_scorer(evaluated, [trained])


def test_too_few_samples_for_a_batch_are_refused():
    with pytest.raises(UserError, match="7 samples do not fill one batch of 8"):
        of(config(), train=7)
