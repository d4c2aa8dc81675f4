import pytest
import torch

from posereg.networks.scoring import PoseScorer
from posereg.skeletons.skeleton import CROWDPOSE


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
