"""Average precision of weighted images, against pycocotools on files that hold each image so many times."""

import numpy as np
import pytest

from evaluation.coco_cases import adversarial, official, truth_of
from posereg.errors import UserError
from posereg.evaluation import average_precision, bootstrap, oks
from posereg.evaluation.average_precision import METRICS, Ranked, from_arrays, ranked
from posereg.records.evaluation import Evaluation


def run_of(truth, found):
    slim = {**truth, "annotations": [{**a} for a in truth["annotations"]]}
    return ranked(oks.run(slim, found, oks.SIGMAS), np.array([image["id"] for image in truth["images"]]))


def judged(truth, found):
    figures, _ = official(truth, found)
    named = dict(zip(oks.METRICS, figures, strict=True))
    return {name: named[name] for name in METRICS}


def repeated(truth, found, times):
    """Every image `times` often, the copies under ids of their own."""
    images, people, poses = [], [], []
    for picture, count in zip(truth["images"], times, strict=True):
        for copy in range(count):
            number = 1000 * picture["id"] + copy
            images.append({**picture, "id": number})
            own = [a for a in truth["annotations"] if a["image_id"] == picture["id"]]
            people += [{**a, "id": len(people) + k + 1, "image_id": number} for k, a in enumerate(own)]
            poses += [{**d, "image_id": number} for d in found if d["image_id"] == picture["id"]]
    return truth_of(images, people), poses


@pytest.mark.parametrize("seed", range(8))
def test_plain_and_left_out_images_are_pycocotools(seed):
    """Crowds, ties, ignored people and all; a weight of 0 is an image that is not there."""
    truth, found = adversarial(seed, 25)
    run = run_of(truth, found)
    rng = np.random.default_rng(seed)
    for times in (np.ones(25, int), rng.integers(0, 2, 25), np.zeros(25, int)):
        expected = judged(*repeated(truth, found, times))
        assert {m: run.value(m, times) for m in METRICS} == pytest.approx(expected, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("seed", range(8))
def test_an_image_drawn_twice_counts_twice(seed):
    truth, found = adversarial(100 + seed, 20)
    rng = np.random.default_rng(seed)
    # Without ties: which of equals comes first is nobody's rule.
    found = [{**d, "score": float(s)} for d, s in zip(found, rng.permutation(len(found)), strict=True)]
    times = rng.multinomial(20, np.full(20, 1 / 20))
    expected = judged(*repeated(truth, found, times))
    run = run_of(truth, found)
    assert {m: run.value(m, times) for m in METRICS} == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_many_draws_at_once_are_one_after_the_other(monkeypatch):
    """Also in blocks, with images that nobody drew, and with no right pose at all."""
    run = run_of(*adversarial(5, 20))
    draws = np.random.default_rng(0).multinomial(20, np.full(20, 1 / 20), 50)
    draws[7] = 0
    nothing = Ranked(run.images, run.people, run.image, np.zeros_like(run.state))
    for each, metric in ((each, metric) for each in (run, nothing) for metric in METRICS):
        singly = [each.value(metric, draw) for draw in draws]
        np.testing.assert_allclose(each.figure(metric)(draws), singly, rtol=1e-12)
        assert np.isnan(singly[7])
        with monkeypatch.context() as small:
            small.setattr(average_precision, "BLOCK", 40)
            np.testing.assert_allclose(each.figure(metric)(draws), singly, rtol=1e-12)
    assert nothing.value("AP") == 0 < run.value("AP")


def test_what_evaluation_files_keep_is_enough():
    run = run_of(*adversarial(3, 12))
    kept = {"AP of something else": np.zeros(3), **run.arrays("regression/")}
    again = from_arrays(kept, "regression/")
    assert {m: again.value(m) for m in METRICS} == {m: run.value(m) for m in METRICS}
    with pytest.raises(UserError, match=r"evaluation.npz does not hold"):
        from_arrays(kept)
    with pytest.raises(UserError, match="no interval for metric 'AP_M'"):
        run.value("AP_M")


def shaken(truth, spread, seed):
    """Everybody found, `spread` of the person's size away."""
    rng = np.random.default_rng(seed)
    found = []
    for person in truth["annotations"]:
        values = np.array(person["keypoints"], float).reshape(-1, 3)
        values[:, :2] += rng.normal(0, spread * max(person["area"], 1) ** 0.5, (len(values), 2))
        entry = {"image_id": person["image_id"], "category_id": 1, "score": float(rng.random())}
        found.append({**entry, "keypoints": values.ravel().tolist()})
    return found


def test_intervals_over_images_and_seeds():
    truth, _ = adversarial(5, 60)
    rows = {
        name: [Evaluation({}, {}, run_of(truth, shaken(truth, spread, seed)).arrays()) for seed in seeds]
        for name, spread, seeds in (("good", 0.03, range(3)), ("poor", 0.08, range(10, 13)))
    }
    nothing = np.zeros(0, int)
    found = bootstrap.paired(rows["poor"], rows["good"], "AP", nothing, replicates=300)
    means = {
        name: np.mean([from_arrays(e.per_person).value("AP") for e in runs]) for name, runs in rows.items()
    }
    assert found.difference == pytest.approx(means["good"] - means["poor"])
    assert 0 < found.low < found.difference < found.high
    same = bootstrap.paired(rows["good"][0], rows["good"][0], "AP", nothing, replicates=50)
    assert (same.difference, same.low, same.high) == (0, 0, 0)
    one = bootstrap.paired(rows["poor"][0], rows["good"][0], "AP50", nothing, replicates=300)
    assert one.low < one.difference < one.high


def test_other_images_are_refused():
    sides = []
    for number in (12, 11):
        truth, found = adversarial(1, number)
        sides.append(Evaluation({}, {}, run_of(truth, found).arrays()))
    with pytest.raises(UserError, match="scored on different images"):
        bootstrap.paired(*sides, "AP", np.zeros(0, int))
