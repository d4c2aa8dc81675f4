import json

import numpy as np
import pytest

from evaluation.coco_cases import adversarial, detection, image, official, person, truth_of
from posereg.errors import UserError
from posereg.evaluation import crowdpose, oks
from posereg.skeletons.skeleton import CROWDPOSE
from shared import shared

SIGMAS = np.array(CROWDPOSE.sigmas)
ALL = np.full(14, 2)
# A pose whose box is 100 x 200, so that the area is 0.53 * 20,000 = 10,600.
POSE = np.random.default_rng(1).uniform((10, 10), (110, 210), (14, 2))
POSE[:2] = (10, 10), (110, 210)
AREA = 10600.0


def score(tmp_path, truth, found):
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "found.json").write_text(json.dumps(found))
    return crowdpose.evaluate_files(tmp_path / "truth.json", tmp_path / "found.json")


def at_similarity(value):
    """The pose moved so that every joint has this similarity under CrowdPose's sigmas and area."""
    return POSE + np.stack([2 * SIGMAS * np.sqrt(-2 * AREA * np.log(value)), np.zeros(14)], axis=1)


def test_one_person_at_a_known_similarity(tmp_path):
    # OKS 0.72 passes the five thresholds 0.50 .. 0.70 of ten: AP = AR = 50, AP50 = 100, AP75 = 0.
    # The annotated `area` must not matter.
    truth = truth_of([image(1, crowdIndex=0.0)], [person(1, 1, POSE, ALL, area=1.0)])
    scored = score(tmp_path, truth, [detection(1, at_similarity(0.72), 0.9)])
    expected = {"AP": 50, "AP50": 100, "AP75": 0, "AR": 50, "AR50": 100, "AR75": 0, "AP_E": 50}
    assert {name: scored.metrics[name] for name in expected} == pytest.approx(expected)
    assert np.isnan(scored.metrics["AP_M"])
    assert set(scored.protocol["undefined"]) == {"AP_M", "AP_H"}


def test_a_false_alarm_ahead_of_the_hit_halves_the_precision(tmp_path):
    truth = truth_of([image(1, crowdIndex=0.9)], [person(1, 1, POSE, ALL)])
    found = [detection(1, POSE + 500, 0.9), detection(1, POSE, 0.8)]
    assert score(tmp_path, truth, found).metrics["AP"] == pytest.approx(50)
    assert score(tmp_path, truth, found[::-1]).metrics["AP_H"] == pytest.approx(50)


def test_crowding_classes_begin_at_their_border(tmp_path):
    index = {1: 0.0, 2: 0.19, 3: 0.2, 4: 0.79, 5: 0.8, 6: 3.0}
    truth = truth_of(
        [image(number, crowdIndex=value) for number, value in index.items()],
        [person(number, number, POSE, ALL) for number in index],
    )
    # Found on one easy image of two, no medium, both hard.
    scored = score(tmp_path, truth, [detection(number, POSE, 0.9) for number in (1, 5, 6)])
    # Recall reaches 0.5: 51 of 101 recall points; rounded to four digits as the API does.
    assert scored.metrics["AP_E"] == pytest.approx(100 * round(51 / 101, 4), abs=1e-12)
    assert (scored.metrics["AP_M"], scored.metrics["AP_H"]) == (0, pytest.approx(100))
    assert [scored.protocol[f"images_{c}"] for c in "EMH"] == [2, 2, 2]


@pytest.mark.parametrize("seed", range(4))
def test_equals_pycocotools_with_these_sigmas_and_areas(tmp_path, seed):
    truth, found = adversarial(seed, 25, joints=14)
    scored = score(tmp_path, truth, found).metrics
    for entry in truth["annotations"]:
        entry["area"] = entry["bbox"][3] * entry["bbox"][2] * 0.53
    figures = dict(zip(oks.METRICS, official(truth, found, SIGMAS)[0], strict=True))
    assert [scored[name] for name in crowdpose.METRICS] == pytest.approx(
        [figures[n] for n in crowdpose.METRICS], abs=1e-9
    )
    classes = {"AP_E": (-1, 0.2), "AP_M": (0.2, 0.8), "AP_H": (0.8, 99)}
    for name, (low, high) in classes.items():
        ids = {picture["id"] for picture in truth["images"] if low <= picture["crowdIndex"] < high}
        part = {**truth, "images": [picture for picture in truth["images"] if picture["id"] in ids]}
        part["annotations"] = [entry for entry in truth["annotations"] if entry["image_id"] in ids]
        figure = official(part, [entry for entry in found if entry["image_id"] in ids], SIGMAS)[0][0]
        assert scored[name] == pytest.approx(figure, abs=0.0051)


def test_the_real_validation_set_found_perfectly(tmp_path):
    path = shared("data/crowdpose/crowdpose_val.json")
    truth = json.loads(path.read_text())
    found = [
        detection(entry["image_id"], np.reshape(entry["keypoints"], (14, 3))[:, :2], 0.5)
        for entry in truth["annotations"]
        if entry["num_keypoints"] and not entry["iscrowd"]
    ]
    scored = score(tmp_path, truth, found)
    # Images with more than 20 people cannot be found whole; the rest is.
    assert scored.metrics["AP50"] > 99
    assert [scored.protocol[f"images_{c}"] for c in "EMH"] == [411, 1240, 349]
    assert scored.protocol["people"] + scored.protocol["ignored_regions"] == 8527


def test_a_coco_file_is_refused(tmp_path):
    truth = truth_of([image(1)], [person(1, 1, POSE, ALL)])
    with pytest.raises(UserError, match="crowdIndex"):
        score(tmp_path, truth, [])
