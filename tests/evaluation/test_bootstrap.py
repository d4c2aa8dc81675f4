import json

import numpy as np
import pytest

from evaluation.coco_cases import detection, image, person, truth_of
from evaluation.sets import pose_set, predict
from posereg.errors import UserError
from posereg.evaluation import bootstrap, lsp, mpjpe, oks, pckh
from posereg.records.evaluation import Evaluation
from posereg.skeletons.skeleton import H80K, LSP, MPII

RNG = np.random.default_rng(0)


def mpii(tmp_path, people=200, images=None):
    file = tmp_path / "a.json"
    file.write_text("{}")
    keypoints = RNG.uniform(0, 300, (people, 16, 2))
    visibility = RNG.choice([0, 2], (people, 16), p=[0.1, 0.9])
    return pose_set(
        MPII,
        keypoints,
        file,
        visibility=visibility,
        images=images,
        extras={"head_size": np.full(people, 50.0)},
    )


def noisy(poses, spread, seed):
    noise = np.random.default_rng(seed).normal(0, spread, poses.keypoints.shape)
    return pckh.evaluate(poses, predict(poses, poses.keypoints + noise))


@pytest.mark.parametrize("metric", ["PCKh@0.5", "PCKh@0.1", "AUC"])
def test_the_parts_add_up_to_the_metric(tmp_path, metric):
    scored = noisy(mpii(tmp_path), 15, 1)
    numerator, denominator = bootstrap.contributions(scored, metric)
    assert numerator.sum() / denominator.sum() == pytest.approx(scored.metrics[metric])


def test_the_parts_of_lsp_and_3d_add_up_too(tmp_path):
    (tmp_path / "a").write_text("")
    poses = pose_set(LSP, RNG.uniform(0, 150, (30, 14, 2)), tmp_path / "a")
    scored = lsp.evaluate(poses, predict(poses, poses.keypoints + RNG.normal(0, 12, (30, 14, 2))))
    for metric in ("PCK@0.2", "PCK@0.05", "AUC", "PCP"):
        numerator, denominator = bootstrap.contributions(scored, metric)
        assert numerator.sum() / denominator.sum() == pytest.approx(scored.metrics[metric])
    xyz = RNG.normal(0, 300, (20, 18, 3))
    frames = pose_set(H80K, np.zeros((20, 18, 2)), tmp_path / "a", extras={"xyz": xyz})
    scored = mpjpe.evaluate(frames, predict(frames, xyz + RNG.normal(0, 40, xyz.shape)))
    for metric in ("MPJPE", "PA-MPJPE"):
        numerator, denominator = bootstrap.contributions(scored, metric)
        assert numerator.sum() / denominator.sum() == pytest.approx(scored.metrics[metric])


def test_agrees_with_resampling_people_one_by_one(tmp_path):
    poses = mpii(tmp_path, 150, images=np.arange(150) // 3)
    first, second = noisy(poses, 20, 1), noisy(poses, 18, 2)
    found = bootstrap.paired(first, second, "PCKh@0.5", poses.person_image, replicates=4000)
    rng = np.random.default_rng(5)
    differences = []
    for _ in range(1500):
        rows = np.concatenate([np.flatnonzero(poses.person_image == k) for k in rng.integers(0, 50, 50)])
        rates = []
        for scored in (first, second):
            distance = scored.per_person["distance"][rows]
            rates.append(100 * np.mean(distance[~np.isnan(distance)] <= 0.5))
        differences.append(rates[1] - rates[0])
    assert found.difference == pytest.approx(second.metrics["PCKh@0.5"] - first.metrics["PCKh@0.5"])
    assert [found.low, found.high] == pytest.approx(np.percentile(differences, [2.5, 97.5]), abs=0.25)


def test_the_mean_of_independent_errors_has_its_textbook_interval(tmp_path):
    (tmp_path / "a").write_text("")
    frames = 400
    poses = pose_set(
        H80K, np.zeros((frames, 18, 2)), tmp_path / "a", extras={"xyz": np.zeros((frames, 18, 3))}
    )
    offsets = RNG.normal(40, 10, frames)

    def scored(shift):
        xyz = np.zeros((frames, 18, 3))
        xyz[:, 1:17, 0] = (17 / 16) * (offsets * shift)[:, None]
        return mpjpe.evaluate(poses, predict(poses, xyz))

    found = bootstrap.paired(scored(1.0), scored(1.1), "MPJPE", poses.person_image, replicates=4000)
    half = 1.96 * (0.1 * offsets).std() / np.sqrt(frames)
    assert found.difference == pytest.approx(0.1 * offsets.mean(), abs=1e-3)
    assert [found.low, found.high] == pytest.approx(
        [found.difference - half, found.difference + half], abs=0.02
    )
    assert found.excludes_zero


def test_equal_runs_have_no_difference_and_seeds_widen_the_interval(tmp_path):
    poses = mpii(tmp_path)
    one = noisy(poses, 20, 1)
    same = bootstrap.paired(one, one, "AUC", poses.person_image)
    assert (same.difference, same.low, same.high) == (0, 0, 0)
    assert not same.excludes_zero
    # Two seeds that differ much against one run: the draw of the seed is part of the uncertainty.
    seeds = [noisy(poses, 15, 2), noisy(poses, 30, 3)]
    wide = bootstrap.paired(one, seeds, "PCKh@0.5", poses.person_image)
    mean = np.mean([scored.metrics["PCKh@0.5"] for scored in seeds])
    assert wide.difference == pytest.approx(mean - one.metrics["PCKh@0.5"])
    narrow = bootstrap.paired(one, seeds[0], "PCKh@0.5", poses.person_image)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_runs_on_other_people_and_unknown_metrics_are_refused(tmp_path):
    poses, other = mpii(tmp_path), mpii(tmp_path, 10)
    with pytest.raises(UserError, match="different people: 10, 200"):
        bootstrap.paired(noisy(poses, 1, 1), noisy(other, 1, 1), "AUC", poses.person_image)
    with pytest.raises(UserError, match="'AP'"):
        bootstrap.contributions(noisy(poses, 1, 1), "AP")
    with pytest.raises(UserError, match="threshold"):
        bootstrap.contributions(noisy(poses, 1, 1), "PCKh@half")


def test_average_precision_resamples_images(tmp_path):
    rng = np.random.default_rng(2)
    poses = rng.uniform(0, 200, (60, 17, 2))
    truth = truth_of(
        [image(k) for k in range(1, 61)],
        [person(k + 1, k + 1, p, np.full(17, 2)) for k, p in enumerate(poses)],
    )
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    for name, spread in (("a", 12), ("b", 9)):
        found = [
            detection(k + 1, p + rng.normal(0, spread, (17, 2)), rng.random()) for k, p in enumerate(poses)
        ]
        (tmp_path / f"{name}.json").write_text(json.dumps(found))
    paths = tmp_path / "truth.json", tmp_path / "a.json", tmp_path / "b.json"
    found = bootstrap.oks_interval(*paths, replicates=400)
    metrics = [oks.evaluate_files(paths[0], path).metrics["AP"] for path in paths[1:]]
    assert found.difference == pytest.approx(metrics[1] - metrics[0])
    # The oracle: score resampled copies of the files, one by one.
    results = [json.loads(path.read_text()) for path in paths[1:]]
    differences = []
    for _ in range(100):
        rows = rng.integers(0, 60, 60)
        copy = truth_of([image(k + 1) for k in range(60)], [])
        copy["annotations"] = [
            {**truth["annotations"][r], "id": k + 1, "image_id": k + 1} for k, r in enumerate(rows)
        ]
        scores = []
        for each in results:
            moved = [{**each[r], "image_id": k + 1} for k, r in enumerate(rows)]
            scores.append(oks.figures(oks.run(copy, moved, oks.SIGMAS))[0]["AP"])
        differences.append(scores[1] - scores[0])
    spread = np.std(differences)
    assert found.low == pytest.approx(np.percentile(differences, 2.5), abs=spread)
    assert found.high == pytest.approx(np.percentile(differences, 97.5), abs=spread)


def test_a_metric_that_gives_its_sums_is_drawn_from_them():
    """Against the general way: a mean over people, drawn by hand."""
    rng = np.random.default_rng(0)
    wrong = [rng.random(40), rng.random(40) + 0.1]
    sides = [
        Evaluation({"dips": float(w.mean())}, per_person={"dips:sum": w, "dips:count": np.ones(40, int)})
        for w in wrong
    ]
    found = bootstrap.paired(*sides, "dips", np.arange(40), replicates=4000)
    draws = rng.integers(0, 40, (4000, 40))
    low, high = np.percentile((wrong[1] - wrong[0])[draws].mean(axis=1), [2.5, 97.5])
    assert found.difference == pytest.approx((wrong[1] - wrong[0]).mean())
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


def test_draws_that_are_kept_for_the_next_metric_are_those_that_are_made_anew(tmp_path, monkeypatch):
    poses = mpii(tmp_path, 60, images=np.arange(60) // 2)
    first, second = ([noisy(poses, 15, seed) for seed in seeds] for seeds in ((0, 1, 2), (3, 4)))
    images = poses.person_image
    kept = [bootstrap.paired(first, second, metric, images, 300) for metric in ("AUC", "PCKh@0.5", "AUC")]
    monkeypatch.setattr(bootstrap, "KEPT", 0)
    anew = [bootstrap.paired(first, second, metric, images, 300) for metric in ("AUC", "PCKh@0.5", "AUC")]
    assert kept == anew
    assert kept[0] != kept[1]
    assert bootstrap.paired(first, second, "AUC", images, 300, seed=1) != kept[0]
    assert bootstrap.paired(second, first, "AUC", images, 300).difference == -kept[0].difference
