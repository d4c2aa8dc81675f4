import numpy as np
import pytest
import torch

from posereg.evaluation.oks import oks
from posereg.inference.grouping import Poses
from posereg.inference.scoring import Examples, best_oks, score, train
from posereg.networks.scoring import PoseScorer
from posereg.skeletons.skeleton import COCO, CROWDPOSE


@pytest.mark.parametrize(("name", "features", "params"), [("coco", 74, 85_249), ("crowdpose", 59, 81_409)])
def test_published_sizes(name, features, params):
    scorer = PoseScorer(name)
    k = {"coco": 17, "crowdpose": 14}[name]
    assert scorer.features(torch.rand(3, k, 2), torch.rand(3, k)).shape == (3, features)
    assert sum(p.numel() for p in scorer.parameters()) == params


def test_features_do_not_see_place_or_size():
    keypoints, values = torch.rand(4, 17, 2) * 200, torch.rand(4, 17)
    scorer = PoseScorer("coco")
    one, other = scorer.features(keypoints, values), scorer.features(keypoints * 3 + 50, values)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    # The torso links, positions 9 and 11, have a mean length of one.
    lengths = one[:, 38:57]
    torch.testing.assert_close(lengths[:, [9, 11]].mean(1), torch.ones(4))
    torch.testing.assert_close(one[:, :38].view(4, 19, 2).norm(dim=-1), lengths)
    torch.testing.assert_close(one[:, 57:], values)


def test_crowdpose_torso_and_the_released_quirk():
    """Positions 9 and 11 are hip-knee and knee-ankle there."""
    keypoints = torch.rand(2, 14, 2) * 100
    names = CROWDPOSE.joints

    def length(a, b):
        return (keypoints[:, names.index(a)] - keypoints[:, names.index(b)]).norm(dim=-1)

    def unit(compat):
        scorer = PoseScorer("crowdpose", compat)
        scaled = scorer.features(keypoints, torch.zeros(2, 14))[:, 30]  # length of the first limb, head-neck
        return length("head_top", "neck") / scaled

    torso = (length("left_shoulder", "left_hip") + length("right_shoulder", "right_hip")) / 2
    torch.testing.assert_close(unit("paper"), torso)
    limbs = [tuple(names[k] for k in CROWDPOSE.limbs[i]) for i in (9, 11)]
    legs = sum(length(*limb) for limb in limbs) / 2
    torch.testing.assert_close(unit("released"), legs)


def test_collapsed_poses_are_finite():
    scorer = PoseScorer("coco")
    assert torch.isfinite(scorer(scorer.features(torch.zeros(2, 17, 2), torch.zeros(2, 17)))).all()


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
