"""The scoring network's targets, its training and its use."""

import math

import numpy as np
import pytest
import torch

from posereg.evaluation.oks import oks
from posereg.inference.grouping import Poses
from posereg.inference.scoring import Examples, best_oks, heat_values, score, train
from posereg.networks.scoring import PoseScorer
from posereg.skeletons.skeleton import COCO


def test_targets_are_the_evaluators_oks():
    g = torch.Generator().manual_seed(0)
    people, poses = torch.rand(4, 17, 2, generator=g) * 100, torch.rand(6, 17, 2, generator=g) * 100
    poses[0] = people[1] + 1
    visibility = torch.randint(0, 3, (4, 17), generator=g)
    visibility[3] = 0
    areas = torch.rand(4, generator=g) * 4000 + 500
    got = best_oks(poses, people, visibility, areas, COCO.sigmas)
    every = oks(people[:, None].numpy(), visibility[:, None].numpy(), areas[:, None].numpy(), poses[None].numpy(),
                COCO.sigmas)  # fmt: skip
    np.testing.assert_allclose(got, np.nanmax(every, axis=0), rtol=1e-4)
    assert best_oks(poses, people[3:], visibility[3:], areas[3:], COCO.sigmas).tolist() == [0] * 6


def made_up_examples(number, seed):
    """Poses whose quality hides in the shape: true people, some with a wrist far off; heat says nothing."""
    g = torch.Generator().manual_seed(seed)
    mean = torch.rand(17, 2, generator=torch.Generator().manual_seed(99)) * 100
    truth = mean + torch.randn(number, 17, 2, generator=g) * 4
    spoiled = torch.randint(0, 10, (number,), generator=g)
    poses = truth.clone()
    for k in range(9):
        poses[spoiled > k, k + 5] += torch.tensor([90.0, -60.0])
    variance = 2 * 4000.0 * (2 * torch.tensor(COCO.sigmas)) ** 2
    quality = torch.exp(-(poses - truth).square().sum(-1) / variance).mean(1)
    return poses, torch.full((number, 17), 0.5), quality


def test_learns_what_the_heat_does_not_say():
    torch.manual_seed(0)
    scorer = PoseScorer("coco")
    poses, values, quality = made_up_examples(600, 1)
    losses = train(scorer, Examples(scorer.features(poses, values), quality), epochs=10, batch_size=64)
    assert losses[-1] < losses[0] / 5
    poses, values, quality = made_up_examples(200, 2)
    people = Poses(poses, values, torch.ones(200))
    predicted = score(scorer, people)
    ranks = [torch.argsort(torch.argsort(x)).float() for x in (predicted, quality)]
    assert torch.corrcoef(torch.stack(ranks))[0, 1] > 0.9
    torch.testing.assert_close(score(scorer, people, "released"), predicted * people.scores)


def test_training_repeats_itself():
    examples = Examples(torch.rand(50, 74), torch.rand(50))
    runs = []
    for _ in range(2):
        torch.manual_seed(3)
        runs.append(train(PoseScorer("coco"), examples, epochs=3))
    assert runs[0] == runs[1]
    with pytest.raises(ValueError, match="no poses"):
        train(PoseScorer("coco"), Examples(torch.zeros(0, 74), torch.zeros(0)))


def poses_of(heat, centers):
    heat = torch.tensor([heat])
    return Poses(torch.rand(1, heat.shape[1], 2) * 50, heat, torch.tensor([centers]))


def test_the_released_code_reads_the_centre_in_every_heat_value():
    poses = poses_of([0.2, 0.5, 0.9], 0.5)
    torch.testing.assert_close(heat_values(poses, "paper"), torch.tensor([[0.2, 0.5, 0.9]]))
    torch.testing.assert_close(heat_values(poses, "released"), torch.tensor([[0.1, 0.25, 0.45]]))


def test_a_pose_on_a_person_reaches_one_and_falls_as_the_formula_says():
    """One labelled joint at distance d: exp(-d^2 / (2 area (2 sigma)^2))."""
    people, visibility = torch.zeros(1, 17, 2), torch.zeros(1, 17)
    visibility[0, 5] = 1
    poses = torch.zeros(3, 17, 2)
    poses[1, 5, 0], poses[2, 6] = 8.0, 500.0
    got = best_oks(poses, people, visibility, torch.tensor([900.0]), COCO.sigmas)
    expected = math.exp(-(8.0**2) / (2 * 900 * (2 * 0.079) ** 2))
    assert got.tolist() == [1.0, pytest.approx(expected, rel=1e-5), 1.0]


def test_nobody_found_and_nobody_there():
    none = torch.zeros(0, 17, 2)
    assert best_oks(none, torch.zeros(1, 17, 2), torch.ones(1, 17), torch.ones(1), COCO.sigmas).shape == (0,)
    alone = best_oks(torch.zeros(2, 17, 2), none, torch.zeros(0, 17), torch.zeros(0), COCO.sigmas)
    assert alone.tolist() == [0, 0]
    assert score(PoseScorer("coco"), Poses(none, torch.zeros(0, 17), torch.zeros(0))).shape == (0,)


def test_fewer_examples_than_a_batch_still_train():
    losses = train(PoseScorer("coco"), Examples(torch.rand(5, 74), torch.rand(5)), epochs=2, batch_size=1024)
    assert len(losses) == 2
    assert all(math.isfinite(loss) for loss in losses)
