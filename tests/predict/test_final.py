"""The protocol of a result comes from those who know each setting, and contradictions do not pass."""

from types import SimpleNamespace

import pytest

from posereg.predict.final import protocol_of

PLAIN = {
    "data": {"name": "mine"},
    "batch_size": 8,
    "trainer": {"precision": "32-true", "epochs": 3},
    "method": {
        "optimizer": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.001},
        "schedule": None,
    },
    "augment": {"_target_": "posereg.data.samples.augment.Augment", "flip": 0.5},
    "evaluate_only": False,
    "crop_scales": [0.9, 1.1],
}


def parts(finds_people=False, method=None, meta=None, scored=None):
    module = SimpleNamespace(finds_people=finds_people, protocol=lambda: method or {"flip_test": True})
    data = SimpleNamespace(protocol={"split": "val", "train_people": 3})
    predictions = SimpleNamespace(meta=meta or {})
    evaluation = SimpleNamespace(protocol={"dataset": "mpii", "split": "val", **(scored or {})})
    return module, data, predictions, evaluation


def test_the_data_set_has_the_configs_name_and_everybody_has_a_say():
    assert protocol_of(PLAIN, *parts(meta={"nms": "oks"}, scored={"people": 9})) == {
        "dataset": "mine",
        "effective_batch": 8,
        "precision": "32-true",
        "epochs": 3,
        "optimizer": "Adam, lr 0.001",
        "schedule": "none",
        "augment": "Augment, flip 0.5",
        "scales": [0.9, 1.1],
        "split": "val",
        "train_people": 3,
        "flip_test": True,
        "nms": "oks",
        "people": 9,
    }


def test_a_bottom_up_methods_scales_are_its_own():
    assert protocol_of(PLAIN, *parts(finds_people=True, method={"scales": [1.0]}))["scales"] == [1.0]


def test_an_evaluation_of_another_split_is_an_error():
    with pytest.raises(ValueError, match="split is 'val' according to data, 'test' according to evaluation"):
        protocol_of(PLAIN, *parts(scored={"split": "test"}))
