"""Integral regression as a module: losses move what they should, flips commute, decoding fits the method."""

import pytest
import torch
from torch import nn

from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.losses.integral import gaussian_mse, one_hot_cross_entropy
from posereg.methods.integral import IntegralPose

SIZE = (64, 64)


class Fixed(nn.Module):
    """A network that gives one learnable output, whatever the image."""

    def __init__(self, output):
        super().__init__()
        self.output = nn.Parameter(output)

    def forward(self, images):
        batch = self.output.expand(len(images), *self.output.shape[1:])
        return batch if self.output.dim() == 3 else [batch]


class Bright(nn.Module):
    """Maps that are the image's first channel, pooled by 4: equivariant to flips."""

    def forward(self, images):
        maps = nn.functional.avg_pool2d(images[:, :1], 4)
        return [maps.repeat(1, 16, 1, 1) * 20]


def module(network, **options):
    return IntegralPose(
        network=network, skeleton="mpii", input_size=SIZE, optimizer=torch.optim.Adam, **options
    )


def batch():
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.rand(2, 16, 2, generator=generator) * 56 + 4
    visibility = torch.full((2, 16), 2, dtype=torch.uint8)
    visibility[0, 3] = 0
    return {"keypoints": keypoints, "visibility": visibility}


def images():
    return torch.zeros(2, 3, 64, 64)


@pytest.mark.parametrize("decode", ["argmax", "integral", "window", "dark"])
def test_prediction_of_a_flipped_image_is_the_flipped_prediction(decode):
    pose = module(Bright(), decode=decode)
    picture = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    keypoints, _ = pose.predict(picture)
    mirrored, _ = pose.predict(picture.flip(-1))
    torch.testing.assert_close(pose.unflip_keypoints(mirrored), keypoints, atol=1e-3, rtol=0)


@pytest.mark.parametrize("decode", ["argmax", "integral", "window", "dark"])
def test_flip_test_changes_nothing_for_an_equivariant_network(decode):
    pose = module(Bright(), decode=decode)
    picture = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    plain = pose.predict(picture)
    pose.flip_test = True
    both = pose.predict(picture)
    for ours, theirs in zip(both, plain, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ({"heatmap_loss": gaussian_mse, "decode": "argmax"}, torch.zeros(1, 16, 16, 16)),
        ({"heatmap_loss": one_hot_cross_entropy, "joint_weight": 1.0}, torch.zeros(1, 16, 16, 16)),
        ({"joint_weight": 1.0}, torch.zeros(1, 16, 16, 16)),
        ({}, torch.zeros(1, 16, 2)),
    ],
    ids=["H1", "I2", "I_star", "R1"],
)
def test_training_on_one_person_finds_the_joints(options, output):
    pose = module(Fixed(output), **options)
    given = {k: v[:1] for k, v in batch().items()}
    optimizer = torch.optim.Adam(pose.parameters(), lr=0.05)
    for step in range(400):
        optimizer.param_groups[0]["lr"] = 0.05 if step < 250 else 0.001
        optimizer.zero_grad()
        pose.losses(images()[:1], given)["loss"].backward()
        optimizer.step()
    keypoints, scores = pose.predict(images()[:1])
    labelled = given["visibility"][0] > 0
    error = (keypoints - given["keypoints"])[0, labelled].norm(dim=-1)
    # A cross-entropy or an argmax wants the cell (half of 4 px along each axis), the joint loss alone the point.
    assert error.max().item() < (2.9 if options.get("heatmap_loss") else 0.5)
    assert scores.shape == (1, 16)


def test_unlabelled_joints_and_joints_outside_give_no_gradient():
    pose = module(Fixed(torch.zeros(1, 16, 16, 16)), heatmap_loss=one_hot_cross_entropy, joint_weight=1.0)
    given = batch()
    given["visibility"][1, 3] = 0
    given["keypoints"][:, 5] = torch.tensor([200.0, 10.0])
    pose.losses(images(), given)["loss"].backward()
    gradient = pose.network.output.grad.abs().sum((0, 2, 3))
    assert gradient[3] == 0
    assert gradient[5] == 0
    assert (gradient[[0, 1, 2, 4, *range(6, 16)]] > 0).all()


def test_multi_stage_losses_add_up():
    class Two(Fixed):
        def forward(self, images):
            return super().forward(images) * 2

    given = batch()
    options = {"heatmap_loss": gaussian_mse, "joint_weight": 0.5}
    one = module(Fixed(torch.randn(1, 16, 16, 16)), **options)
    two = module(Two(one.network.output.detach()), **options)
    ratio = two.losses(images(), given)["loss"] / one.losses(images(), given)["loss"]
    assert ratio.item() == pytest.approx(2.0)


def test_heatmap_scores_are_the_map_maxima_and_integral_scores_a_probability():
    keypoints = batch()["keypoints"]
    maps, _ = gaussian_maps(keypoints[:1], torch.ones(1, 16), Grid(16, 16, 4))
    _, peak = module(Fixed(maps * 0.7), decode="argmax").predict(images()[:1])
    torch.testing.assert_close(peak, torch.full((1, 16), 0.7))
    _, mass = module(Fixed(maps * 50), decode="integral").predict(images()[:1])
    assert ((mass > 0.9) & (mass <= 1.0001)).all()
