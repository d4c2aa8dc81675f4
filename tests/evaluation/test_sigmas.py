from dataclasses import replace

import numpy as np
import pytest

from mice import mouse_set
from posereg.evaluation import sigmas as module
from posereg.evaluation.sigmas import ESTIMATED, GIVEN, LEVEL, sigmas
from posereg.skeletons.skeleton import COCO


def test_those_of_the_skeleton_are_taken(tmp_path):
    poses = mouse_set(tmp_path, 2)
    given = tuple(np.linspace(0.02, 0.13, 12))
    found, origin = sigmas(replace(poses, skeleton=replace(poses.skeleton, sigmas=given)), np.ones(2))
    assert origin == GIVEN
    np.testing.assert_allclose(found, given)


def test_few_animals_say_nothing(tmp_path):
    found, origin = sigmas(mouse_set(tmp_path, 47), np.full(47, 900.0))
    assert origin == LEVEL
    np.testing.assert_allclose(found, np.exp(np.mean(np.log(COCO.sigmas))))


def loose(tmp_path, amounts, count=600):
    """Mice of whom every joint is labelled off its place by normal noise of `amounts` (K,) x sqrt(area)."""
    poses = mouse_set(tmp_path, 60)
    area = np.full(count, 2500.0)
    rows = np.arange(count) % 60
    noise = np.random.default_rng(0).normal(size=(count, 12, 2)) * np.array(amounts)[:, None] * 50
    poses = poses.people(rows)
    return replace(poses, keypoints=(poses.keypoints + noise).astype(np.float32)), area


def test_loosely_placed_joints_get_the_larger_constants(tmp_path):
    amounts = np.full(12, 0.03)
    amounts[[4, 5]] = 0.06
    found, origin = sigmas(*loose(tmp_path, amounts))
    assert origin == ESTIMATED
    assert found[[4, 5]].min() > 1.5 * np.delete(found, [4, 5]).max()
    assert np.exp(np.log(found).mean()) == pytest.approx(module.MEAN, rel=1e-6)
    assert found[4] == pytest.approx(2 * np.median(found), rel=0.15)


def test_they_stay_within_coco_s(tmp_path):
    amounts = np.full(12, 0.02)
    amounts[0] = 2.0
    found, _ = sigmas(*loose(tmp_path, amounts))
    assert found[0] == max(COCO.sigmas)
    assert found.min() >= min(COCO.sigmas)


def test_a_joint_that_is_never_labelled_gets_a_middling_one(tmp_path):
    poses, area = loose(tmp_path, np.full(12, 0.03))
    visibility = poses.visibility.copy()
    visibility[:, 7] = 0
    found, origin = sigmas(replace(poses, visibility=visibility), area)
    assert origin == ESTIMATED
    assert np.delete(found, 7).min() <= found[7] <= np.delete(found, 7).max()
