"""Rank correlation against scipy, also of resampled images, and the intervals that are drawn from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.sets import pose_set, predict
from posereg.errors import UserError
from posereg.evaluation import bootstrap, calibration, pckh, rank_correlation
from posereg.evaluation.rank_correlation import METRIC, Scored
from posereg.records.evaluation import Evaluation
from posereg.skeletons.skeleton import MPII

RANDOM = np.random.default_rng(0)


def test_a_constant_correlates_with_nothing() -> None:
    outcome = np.array([1.0, 0.0, 0.0, 0.0])
    assert np.isnan(rank_correlation.correlation(np.ones(4), outcome))
    assert np.isnan(rank_correlation.correlation(np.full(4, 0.1), outcome))
    assert np.isnan(rank_correlation.correlation(np.arange(4) / 4, np.ones(4)))
    assert np.isnan(rank_correlation.correlation(np.empty(0), np.empty(0)))


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    score, outcome = RANDOM.integers(0, 7, 300) / 7, RANDOM.integers(0, 2, 300) / 1.0
    score[:2] = -np.inf, np.inf
    assert rank_correlation.correlation(score, outcome) == pytest.approx(
        stats.spearmanr(score, outcome).statistic
    )
    score[2] = np.nan
    assert np.isnan(rank_correlation.correlation(score, outcome))


def test_rank_correlation_does_not_ask_for_the_scale() -> None:
    score, outcome = RANDOM.normal(size=200), RANDOM.random(200)
    expected = stats.pearsonr(stats.rankdata(score), stats.rankdata(outcome)).statistic
    assert rank_correlation.correlation(score, outcome) == pytest.approx(expected)
    assert rank_correlation.correlation(np.exp(score), outcome) == pytest.approx(expected)
    assert rank_correlation.correlation(outcome**3, outcome) == pytest.approx(1)


def joints(seed: int, images: int = 12, many: int = 80, levels: int = 6) -> Scored:
    """Joints of a dozen images, with equal scores among them, and outcomes of nought and one."""
    random = np.random.default_rng(seed)
    score = random.integers(0, levels, many) / levels
    outcome = 1.0 * (random.random(many) < score)
    return Scored(10 * np.arange(images), random.integers(0, images, many), score, outcome)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), levels=st.sampled_from([1, 2, 6, 10**6]))
def test_a_resampled_set_has_the_correlation_of_its_repeated_joints(seed: int, levels: int) -> None:
    run = joints(seed, levels=levels)
    often = np.random.default_rng(seed).multinomial(len(run.images), np.full(12, 1 / 12), 5)
    found = run.figure()(often.astype(np.float64))
    for weights, value in zip(often, found, strict=True):
        repeated = np.repeat(np.arange(len(run.score)), weights[run.image])
        score, outcome = run.score[repeated], run.outcome[repeated]
        if np.ptp(score) and np.ptp(outcome):
            assert value == pytest.approx(100 * stats.spearmanr(score, outcome).statistic)
        else:
            assert np.isnan(value)


def test_blocks_of_replicates_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run, often = joints(1), np.random.default_rng(1).integers(0, 3, (7, 12)).astype(np.float64)
    whole = run.figure()(often)
    monkeypatch.setattr(rank_correlation, "BLOCK", 200)
    assert np.array_equal(run.figure()(often), whole)


def test_the_interval_of_a_difference(tmp_path: Path) -> None:
    """As it comes from drawing the images and ranking again with scipy, within what 2,000 draws differ by."""
    random = np.random.default_rng(2)
    good, bad = joints(3, many=600, levels=10**6), joints(4, many=600, levels=10**6)
    bad = Scored(bad.images, bad.image, random.permutation(bad.score), bad.outcome)
    sides = [Evaluation({}, per_person=each.arrays()) for each in (bad, good)]
    interval = bootstrap.paired(sides[0], sides[1], METRIC, np.empty(0, np.int64))
    drawn = []
    for _ in range(1000):
        often = np.bincount(random.integers(0, 12, 12), minlength=12)
        values = []
        for run in (bad, good):
            repeated = np.repeat(np.arange(600), often[run.image])
            values.append(100 * stats.spearmanr(run.score[repeated], run.outcome[repeated]).statistic)
        drawn.append(values[1] - values[0])
    low, high = np.percentile(drawn, [2.5, 97.5])
    width = high - low
    assert interval.low == pytest.approx(low, abs=0.12 * width)
    assert interval.high == pytest.approx(high, abs=0.12 * width)
    assert interval.excludes_zero
    # The same run on both sides: the same draw, no difference.
    assert bootstrap.paired(sides[0], sides[0], METRIC, np.empty(0, np.int64)).high == 0


def test_runs_on_other_images_or_without_scores_are_refused() -> None:
    here, there = joints(5), joints(5)
    there = Scored(there.images + 1, there.image, there.score, there.outcome)
    sides = [Evaluation({}, per_person=each.arrays()) for each in (here, there)]
    with pytest.raises(UserError, match="scored on different images"):
        bootstrap.paired(sides[0], sides[1], METRIC, np.empty(0, np.int64))
    with pytest.raises(UserError, match=r"does not hold the scores .* evaluate the run again"):
        bootstrap.part(1, "H1", [Evaluation({}, per_person={"distance": np.ones((2, 3))})], METRIC)


def test_what_a_run_keeps_gives_its_metric_again() -> None:
    count = 30
    keypoints = RANDOM.uniform(0, 200, (count, 16, 2))
    poses = pose_set(
        MPII,
        keypoints,
        Path(__file__),
        images=RANDOM.integers(0, 9, count).tolist(),
        extras={"head_size": np.full(count, 20.0)},
    )
    predictions = predict(poses, keypoints + RANDOM.normal(0, 8, keypoints.shape))
    predictions.keypoint_scores[:] = RANDOM.random((count, 16))
    found = calibration.scored_joints(poses, predictions, pckh.evaluate(poses, predictions))
    arrays = calibration.arrays(found, poses)
    kept = rank_correlation.from_arrays(arrays)
    assert kept.images[kept.image].tolist() == found.image.tolist()
    assert arrays[f"{METRIC}:outcome"].dtype == bool
    once = np.ones((1, len(kept.images)))
    assert kept.figure()(once)[0] == pytest.approx(calibration.summary(found)["correlation"], abs=1e-6)
