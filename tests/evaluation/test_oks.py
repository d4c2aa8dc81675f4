import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.coco_cases import adversarial, detection, image, official, person, truth_of
from evaluation.sets import pose_set
from posereg.errors import UserError
from posereg.evaluation import oks
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import COCO
from shared import shared

SIGMAS = np.array(COCO.sigmas)
POSE = np.random.default_rng(0).uniform(100, 300, (17, 2))
ALL = np.full(17, 2)


def files(tmp_path, truth, found):
    paths = tmp_path / "truth.json", tmp_path / "found.json"
    for path, value in zip(paths, (truth, found), strict=True):
        path.write_text(json.dumps(value))
    return paths


def ours(tmp_path, truth, found):
    metrics = oks.evaluate_files(*files(tmp_path, truth, found)).metrics
    return np.array([metrics[name] for name in oks.METRICS])


def same(a, b):
    return np.allclose(a, b, rtol=0, atol=1e-9, equal_nan=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("oks")


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), images=st.sampled_from([1, 2, 8, 20]))
def test_ten_figures_equal_pycocotools_on_adversarial_sets(folder, seed, images):
    truth, found = adversarial(seed, images)
    assert same(ours(folder, truth, found), official(truth, found)[0])


@pytest.mark.parametrize("noise", [0.0, 1.0, 6.0])
def test_ten_figures_equal_pycocotools_on_real_annotations(tmp_path, noise):
    truth = json.loads(shared("data/coco/annotations/person_keypoints_val2017.json").read_text())
    rng = np.random.default_rng(4)
    found = []
    for entry in truth["annotations"]:
        values = np.array(entry["keypoints"], float).reshape(-1, 3)
        for _ in range(3):
            moved = values[:, :2] + rng.normal(0, noise, (17, 2)) * rng.choice([1, 4])
            found.append(detection(entry["image_id"], moved, np.round(rng.random(), 1)))
    figures = ours(tmp_path, truth, found)
    assert same(figures, official(truth, found)[0])
    assert figures[0] > 0


def test_no_detections_score_nothing_and_absent_areas_have_no_figure(tmp_path):
    truth = truth_of([image(1), image(2)], [person(1, 1, POSE, ALL, area=50.0**2)])
    scored = oks.evaluate_files(*files(tmp_path, truth, []))
    assert scored.metrics["AP"] == scored.metrics["AP_M"] == scored.metrics["AR"] == 0
    assert np.isnan(scored.metrics["AP_L"])
    assert "AP_L" in scored.protocol["undefined"]
    assert scored.as_json()["metrics"]["AP_L"] is None


def test_only_the_twenty_best_of_an_image_count(tmp_path):
    truth = truth_of([image(1)], [person(1, 1, POSE, ALL)])
    far = [detection(1, POSE + 1000, 0.9) for _ in range(20)]
    assert oks.evaluate_files(*files(tmp_path, truth, [*far, detection(1, POSE, 0.1)])).metrics["AR"] == 0
    assert (
        oks.evaluate_files(*files(tmp_path, truth, [*far[:19], detection(1, POSE, 0.1)])).metrics["AR"] == 100
    )


def test_similarity_is_its_closed_form():
    # d = 2 sigma sqrt(area) gives exp(-1/2) at every joint.
    area = 100.0**2
    moved = POSE + np.stack([2 * SIGMAS * 100, np.zeros(17)], axis=1)
    assert oks.oks(POSE, ALL, area, moved, SIGMAS) == pytest.approx(np.exp(-0.5))
    half = np.where(np.arange(17) % 2, 2, 0)
    one_right = POSE.copy()
    one_right[half == 0] += 500
    assert oks.oks(POSE, half, area, one_right, SIGMAS) == pytest.approx(1)
    assert np.isnan(oks.oks(POSE, 0 * ALL, area, moved, SIGMAS))


def test_all_pairs_equal_pycocotools(tmp_path):
    rng = np.random.default_rng(8)
    poses = rng.uniform(0, 300, (4, 17, 2))
    visibility = rng.choice([0, 1, 2], (4, 17))
    areas = rng.uniform(1e3, 1e5, 4)
    found = np.concatenate([poses, poses]) + rng.normal(0, 15, (8, 17, 2))
    people = [person(k + 1, 1, poses[k], visibility[k], areas[k]) for k in range(4)]
    dets = [detection(1, pose, 1 - k / 10) for k, pose in enumerate(found)]
    _, evaluator = official(truth_of([image(1)], people), dets)
    pairs = oks.oks(poses[:, None], visibility[:, None], areas[:, None], found[None], SIGMAS)
    assert np.allclose(pairs.T, evaluator.ious[1, 1], atol=1e-12)


def test_poses_of_a_set_score_as_their_results_file(tmp_path):
    truth, found = adversarial(5, 12)
    annotations, _ = files(tmp_path, truth, found)
    values = np.array([entry["keypoints"] for entry in found], np.float32).reshape(-1, 17, 3)
    predictions = Predictions(
        ids=np.full(len(found), -1),
        image_ids=np.array([entry["image_id"] for entry in found]),
        keypoints=values[..., :2],
        keypoint_scores=values[..., 2],
        scores=np.array([entry["score"] for entry in found], np.float32),
    )
    poses = pose_set(COCO, np.zeros((len(truth["images"]), 17, 2)), annotations)
    poses.image_ids[:] = [picture["id"] for picture in truth["images"]]
    oks.write_results(tmp_path / "results.json", predictions)
    whole = oks.evaluate(poses, predictions).metrics
    assert whole == pytest.approx(
        oks.evaluate_files(annotations, tmp_path / "results.json").metrics, nan_ok=True
    )

    # A set of the first images scores as a file with only those images.
    first = poses.image_ids[:5]
    part = pose_set(COCO, np.zeros((5, 17, 2)), annotations)
    part.image_ids[:] = first
    inside = {"images": truth["images"][:5], "categories": truth["categories"]}
    inside["annotations"] = [entry for entry in truth["annotations"] if entry["image_id"] in first]
    written = [r for r in json.loads((tmp_path / "results.json").read_text()) if r["image_id"] in first]
    scored = oks.evaluate(part, predictions)
    assert same([scored.metrics[name] for name in oks.METRICS], official(inside, written)[0])
    assert scored.protocol["images"] == 5
    assert scored.protocol["detections"] == len(written)


def test_files_that_do_not_fit_are_one_clear_line(tmp_path):
    truth = truth_of([image(1)], [person(1, 1, POSE, ALL)])
    good = detection(1, POSE, 0.5)
    for found, message in [
        ([{**good, "image_id": 9}], "result 0 is of image 9"),
        ([good, detection(1, POSE[:14], 0.5)], "result 1 has 14 joints, expected 17"),
        ([{"image_id": 1, "keypoints": []}], "not a COCO results file"),
        ({"annotations": []}, "not a COCO results file"),
    ]:
        with pytest.raises(UserError, match=message):
            oks.evaluate_files(*files(tmp_path, truth, found))
    with pytest.raises(UserError, match="not a COCO annotation file"):
        oks.evaluate_files(*files(tmp_path, [], [good]))
    with pytest.raises(UserError, match="person 1 has 14 joints, coco has 17"):
        oks.evaluate_files(
            *files(tmp_path, truth_of([image(1)], [person(1, 1, POSE[:14], ALL[:14])]), [good])
        )


def test_people_without_an_area_are_refused(tmp_path):
    """The box in its place gives a higher AP."""
    for area in (None, float("nan"), "ten"):
        bad = {**person(2, 1, POSE, ALL), "area": area}
        crowd = {**person(3, 1, POSE, ALL, iscrowd=1), "area": None}
        truth = truth_of([image(1)], [person(1, 1, POSE, ALL), bad, crowd])
        with pytest.raises(UserError, match=r"annotation 2 has no 'area' \(1 of 3 people\)"):
            oks.evaluate_files(*files(tmp_path, truth, []))
    truth = truth_of([image(1)], [person(1, 1, POSE, ALL), {**person(2, 1, POSE, 0 * ALL), "area": None}])
    scored = oks.evaluate_files(*files(tmp_path, truth, [detection(1, POSE, 0.5)]))
    assert scored.metrics["AP"] == pytest.approx(100)


def test_other_categories_count_neither_as_people_nor_as_results(tmp_path):
    """Figures of the people alone, whatever horses are in either file."""
    truth, found = adversarial(11, 8)
    alone = ours(tmp_path, truth, found)
    mixed = {**truth, "categories": [{"id": 3, "name": "horse"}, *truth["categories"]]}
    horse = [{**person(10**6 + k, one["image_id"], POSE, ALL), "category_id": 3}
             for k, one in enumerate(truth["annotations"])]  # fmt: skip
    mixed["annotations"] = [*horse, *truth["annotations"]]
    horses = [{**detection(one["id"], POSE, 0.99), "category_id": 3} for one in truth["images"]]
    assert same(ours(tmp_path, mixed, [*horses, *found]), alone)
    with pytest.raises(UserError, match="all results are of category 3, the people's is 1"):
        oks.evaluate_files(*files(tmp_path, mixed, horses))


def test_joints_in_another_order_are_compared_by_name(tmp_path):
    truth, found = adversarial(12, 8)
    alone = ours(tmp_path, truth, found)

    def turned(entries):
        return [
            {**one, "keypoints": np.reshape(one["keypoints"], (17, 3))[::-1].ravel().tolist()}
            for one in entries
        ]

    named = {"id": 1, "name": "person", "keypoints": list(COCO.joints[::-1])}
    other = {**truth, "annotations": turned(truth["annotations"]), "categories": [named]}
    assert same(ours(tmp_path, other, turned(found)), alone)


def test_ids_used_twice_lose_nobody(tmp_path):
    truth, found = adversarial(13, 8)
    alone = ours(tmp_path, truth, found)
    twice = [{**one, "id": k % 3} for k, one in enumerate(truth["annotations"])]
    assert same(ours(tmp_path, {**truth, "annotations": twice}, found), alone)


def test_image_ids_as_text_are_the_same_images(tmp_path):
    truth, found = adversarial(14, 8)
    alone = ours(tmp_path, truth, found)
    texts = {**truth, "images": [{**one, "id": str(one["id"])} for one in truth["images"]]}
    assert same(ours(tmp_path, texts, [{**one, "image_id": str(one["image_id"])} for one in found]), alone)
    with pytest.raises(UserError, match='result 0: image id "a" is no whole number'):
        oks.evaluate_files(*files(tmp_path, truth, [{**found[0], "image_id": "a"}]))


def test_names_and_limbs_that_are_none_do_no_harm(tmp_path):
    people = [person(1, 1, POSE, ALL)]
    truth = truth_of([image(1)], people)
    truth["categories"][0] |= {"keypoints": [*COCO.joints[:16], 2**70], "skeleton": [[None], 3]}
    truth["images"][0]["license"], people[0]["iscrowd"] = {}, None
    assert ours(tmp_path, truth, [detection(1, POSE, 1.0)])[0] == pytest.approx(100)


@pytest.mark.parametrize("count", [-1, None, "x", 1e18, float("nan"), []])
def test_a_count_of_joints_that_is_none_is_counted_again(tmp_path, count):
    truth, found = truth_of([image(1)], [person(1, 1, POSE, ALL)]), [detection(1, POSE + 3, 0.9)]
    expected = ours(tmp_path, truth, found)
    truth["annotations"][0]["num_keypoints"] = count
    assert same(ours(tmp_path, truth, found), expected)
