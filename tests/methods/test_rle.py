"""Residual log-likelihood estimation as a module: joints, spread, scores, mirrors."""

import pytest
import torch
from torch import nn

from posereg.methods.rle import SpreadPose
from posereg.networks.flow import PlaneFlow

SIZE = (48, 64)


class Fixed(nn.Module):
    """The same learnable coordinates and spread, whatever the image."""

    def __init__(self, density):
        super().__init__()
        self.at, self.logit = (nn.Parameter(torch.zeros(1, 16, 2)) for _ in range(2))
        self.flow = PlaneFlow() if density else None

    def forward(self, images):
        return self.at.expand(len(images), -1, -1), self.logit.sigmoid().expand(len(images), -1, -1)


def module(network, **options):
    return SpreadPose(
        network=network, skeleton="mpii", input_size=SIZE, optimizer=torch.optim.Adam, **options
    )


@pytest.mark.parametrize(("shape", "density"), [("laplace", True), ("laplace", False), ("gaussian", False)])
def test_training_finds_the_joints_and_which_of_them_are_sure(shape, density):
    """Joint 5 jumps from picture to picture, the others stay."""
    torch.manual_seed(0)
    pose = module(Fixed(density), shape=shape)
    keypoints = (torch.rand(1, 16, 2) * 30 + 9).repeat(8, 1, 1) + torch.randn(8, 16, 2)
    keypoints[:, 5] += 12 * torch.randn(8, 2)
    visibility = torch.full((8, 16), 2, dtype=torch.uint8)
    visibility[:, 3] = 0
    batch = {"keypoints": keypoints.clamp(0, 47), "visibility": visibility}
    optimizer = torch.optim.Adam(pose.parameters(), lr=0.03)
    for _ in range(300):
        optimizer.zero_grad()
        pose.losses(torch.zeros(8, 3, 64, 48), batch)["loss"].backward()
        optimizer.step()
    found, scores = pose.predict(torch.zeros(1, 3, 64, 48))
    steady = [k for k in range(16) if k not in (3, 5)]
    assert (found[0] - batch["keypoints"].mean(0))[steady].norm(dim=-1).max() < 2
    assert scores[0, 5] < scores[0, steady].min() - 0.05
    assert pose.network.at.grad[0, 3].abs().max() == 0


def test_scores_are_1_minus_the_spread_and_mirrors_are_averaged():
    pose = module(Fixed(density=False))
    with torch.no_grad():
        pose.network.at.uniform_(-0.4, 0.4)
        pose.network.logit.normal_()
    plain, scores = pose.predict(torch.zeros(1, 3, 64, 48))
    torch.testing.assert_close(scores, 1 - pose.network.logit.sigmoid().mean(-1))
    pose.flip_test = True
    both, _ = pose.predict(torch.zeros(1, 3, 64, 48))
    torch.testing.assert_close(both, (plain + pose.unflip_keypoints(plain)) / 2)
