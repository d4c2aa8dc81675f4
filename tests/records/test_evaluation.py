"""What an evaluator returns: valid JSON whatever is missing, and a protocol that says what was scored."""

import json

import numpy as np

from data.made import people
from posereg.records.evaluation import Deferred, Evaluation, protocol
from posereg.records.predictions import nobody


def test_json_has_null_where_nothing_could_be_counted():
    evaluation = Evaluation(
        metrics={"AP": 50.0, "AP_M": float("nan")},
        curve={"thresholds": [0.1, 0.2], "values": [float("nan"), 30.0]},
        per_person={"distance": np.zeros((2, 3))},
        protocol={"metric": "OKS"},
        lower_is_better=("miss",),
    )
    text = json.dumps(evaluation.as_json(), allow_nan=False)  # NaN would be no JSON
    assert json.loads(text) == {
        "metrics": {"AP": 50.0, "AP_M": None},
        "curve": {"thresholds": [0.1, 0.2], "values": [None, 30.0]},
        "protocol": {"metric": "OKS"},
        "lower_is_better": ["miss"],
    }


def test_protocol_counts_what_was_scored_over_what_the_predictions_say(tmp_path):
    poses = people(tmp_path, 4).people([0, 1, 3])
    predictions = nobody(16)
    predictions.meta.update({"split": "claimed", "flip_test": True})
    made = protocol(poses, predictions, "PCKh", "pckh-1", joints=12)
    assert made["split"] == "train"
    assert made["flip_test"] is True
    assert (made["people"], made["images"], made["joints"]) == (3, 3, 12)
    assert made["annotation_hash"] == poses.annotation_hash
    assert (made["metric"], made["metric_version"]) == ("PCKh", "pckh-1")


def test_deferred_arrays_are_made_once_and_only_when_asked_for():
    made = []

    def make():
        made.append(1)
        return {"ap_images": np.arange(3)}

    evaluation = Evaluation({"AP": 50.0}, per_person=Deferred(make))
    assert evaluation.as_json()["metrics"] == {"AP": 50.0}
    assert made == []
    assert {**evaluation.per_person}.keys() == {"ap_images"}
    assert evaluation.per_person["ap_images"].tolist() == [0, 1, 2]
    assert len(evaluation.per_person) == 1
    assert made == [1]
