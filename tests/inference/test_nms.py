import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.evaluation.oks import oks
from posereg.inference.nms import oks_nms, similarity, soft_oks_nms
from posereg.skeletons.skeleton import COCO

SIGMAS = np.array(COCO.sigmas)


def crowd(rng, images, most):
    """Detections around a few people on each image, in random order, with tied scores."""
    poses, numbers = [], []
    for number in range(images):
        people = rng.uniform(0, 300, (3, 1, 2)) + rng.uniform(0, 150, (3, 17, 2))
        for _ in range(rng.integers(0, most + 1)):
            poses.append(people[rng.integers(3)] + rng.normal(0, 1, (17, 2)) * rng.choice([0, 2, 5, 12]))
            numbers.append(number)
    order = rng.permutation(len(poses))
    poses = np.array(poses).reshape(-1, 17, 2).astype(np.float32)[order]
    scores = np.round(rng.random(len(poses)), 1).astype(np.float32)
    return poses, scores, rng.uniform(5e3, 3e4, len(poses)).astype(np.float32), np.array(numbers, int)[order]


def pair(poses, areas, i, j):
    return float(oks(poses[i], np.ones(17, int), (float(areas[i]) + float(areas[j])) / 2, poses[j], SIGMAS))


def by_hand(poses, scores, areas, numbers, threshold):
    kept = []
    for number in np.unique(numbers):
        waiting = sorted(np.flatnonzero(numbers == number), key=lambda i: (-scores[i], i))
        while waiting:
            best = waiting.pop(0)
            kept.append(best)
            waiting = [i for i in waiting if pair(poses, areas, best, i) <= threshold]
    return np.isin(np.arange(len(scores)), kept)


def soft_by_hand(poses, scores, areas, numbers, threshold, most):
    lowered = np.zeros(len(scores))
    for number in np.unique(numbers):
        waiting = {int(i): float(scores[i]) for i in np.flatnonzero(numbers == number)}
        for _ in range(most):
            if not waiting:
                break
            best = max(waiting, key=lambda i: (waiting[i], scores[i], -i))
            lowered[best] = waiting.pop(best)
            for i in waiting:
                waiting[i] *= np.exp(-(pair(poses, areas, best, i) ** 2) / threshold)
    return lowered


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), threshold=st.sampled_from([0.3, 0.7, 0.9]))
def test_keeps_what_the_loop_over_people_keeps(seed, threshold):
    case = crowd(np.random.default_rng(seed), images=6, most=12)
    assert np.array_equal(oks_nms(*case, SIGMAS, threshold), by_hand(*case, threshold))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), most=st.sampled_from([1, 5, 20]))
def test_soft_suppression_lowers_scores_as_the_loop_does(seed, most):
    case = crowd(np.random.default_rng(seed), images=4, most=10)
    poses, scores, areas, numbers = case
    scores = scores + np.random.default_rng(seed).random(len(scores)).astype(
        np.float32
    )  # no ties: order is defined
    keep, lowered = soft_oks_nms(poses, scores, areas, numbers, SIGMAS, 0.9, most)
    expected = soft_by_hand(poses, scores, areas, numbers, 0.9, most)
    assert np.array_equal(keep, expected > 0)
    assert lowered == pytest.approx(expected, abs=1e-5)


def test_similarity_uses_the_mean_area():
    poses = np.random.default_rng(0).uniform(0, 100, (1, 2, 17, 2))
    areas = np.array([[1000.0, 9000.0]])
    found = similarity(poses, areas, SIGMAS)[0]
    assert found[0, 1] == pytest.approx(pair(poses[0], areas[0], 0, 1), abs=1e-6)
    assert np.array_equal(found, found.T)
    assert np.diag(found) == pytest.approx([1, 1])


def test_images_of_any_size_together_and_none_at_all():
    rng = np.random.default_rng(1)
    case = crowd(rng, images=40, most=30)
    one_by_one = np.zeros(len(case[1]), bool)
    for number in np.unique(case[3]):
        rows = np.flatnonzero(case[3] == number)
        one_by_one[rows] = oks_nms(*(column[rows] for column in case), SIGMAS)
    assert np.array_equal(oks_nms(*case, SIGMAS), one_by_one)
    assert 0 < one_by_one.sum() < len(one_by_one)
    empty = tuple(column[:0] for column in case)
    assert oks_nms(*empty, SIGMAS).shape == (0,)
    assert soft_oks_nms(*empty, SIGMAS)[1].shape == (0,)
