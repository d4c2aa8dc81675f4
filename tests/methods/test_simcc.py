"""SimCC as a module: it learns one person's joints, mirrors rightly, and refuses a network of other bins."""

import pytest
import torch
from torch import nn

from posereg import config as configs
from posereg.errors import UserError
from posereg.methods.simcc import SimCCPose

SIZE = (48, 64)


class Fixed(nn.Module):
    """The same learnable logits, whatever the image."""

    def __init__(self):
        super().__init__()
        self.columns, self.rows = (nn.Parameter(torch.zeros(1, 16, 2 * side)) for side in SIZE)

    def forward(self, images):
        return tuple(axis.expand(len(images), -1, -1) for axis in (self.columns, self.rows))


class Bright(nn.Module):
    """Logits are the image's sums of columns and rows: equivariant to flips."""

    def forward(self, images):
        sums = (images[:, :1].sum(2), images[:, :1].sum(3))
        return tuple(
            nn.functional.interpolate(s, scale_factor=2, mode="linear").expand(-1, 16, -1) for s in sums
        )


def module(network, **options):
    return SimCCPose(network=network, skeleton="mpii", input_size=SIZE, optimizer=torch.optim.Adam, **options)


@pytest.mark.parametrize("labels", ["gaussian", "one_hot"])
def test_training_on_one_person_finds_the_joints(labels):
    pose = module(Fixed(), labels=labels)
    keypoints = torch.rand(1, 16, 2, generator=torch.Generator().manual_seed(0)) * 40 + 4
    visibility = torch.full((1, 16), 2, dtype=torch.uint8)
    visibility[0, 3] = 0
    optimizer = torch.optim.Adam(pose.parameters(), lr=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        loss = pose.losses(torch.zeros(1, 3, 64, 48), {"keypoints": keypoints, "visibility": visibility})[
            "loss"
        ]
        loss.backward()
        optimizer.step()
    assert pose.network.columns.grad[0, 3].abs().max() == 0
    found, _ = pose.predict(torch.zeros(1, 3, 64, 48))
    labelled = visibility[0] > 0
    assert (found - keypoints)[0, labelled].abs().max() <= 0.25 + (0.5 if labels == "gaussian" else 0)


def test_the_flip_test_changes_nothing_for_an_equivariant_network():
    picture = torch.rand(2, 3, 64, 48, generator=torch.Generator().manual_seed(1))
    pose = module(Bright())
    plain, _ = pose.predict(picture)
    mirrored, _ = pose.predict(picture.flip(-1))
    torch.testing.assert_close(pose.unflip_keypoints(mirrored), plain)
    pose.flip_test = True
    torch.testing.assert_close(pose.predict(picture)[0], plain)


def test_a_network_of_other_bins_is_refused():
    with pytest.raises(UserError, match=r"network\.split"):
        configs.validate(configs.compose(["method=simcc", "method.network.split=3"]))
