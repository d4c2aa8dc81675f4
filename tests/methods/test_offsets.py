"""Discs and offsets as a module: it learns one person's joints between the cells, and mirrors rightly."""

import torch
from torch import nn

from posereg.methods.offsets import OffsetPose

SIZE = (48, 64)


class Fixed(nn.Module):
    """The same learnable maps, whatever the image."""

    def __init__(self):
        super().__init__()
        self.discs = nn.Parameter(torch.zeros(1, 16, 16, 12))
        self.offsets = nn.Parameter(torch.zeros(1, 16, 2, 16, 12))

    def forward(self, images):
        return self.discs.expand(len(images), -1, -1, -1), self.offsets.expand(len(images), -1, -1, -1, -1)


class Bright(nn.Module):
    """The disc is where the image is bright; x offsets are its slope, odd under mirroring, y offsets even."""

    def forward(self, images):
        maps = nn.functional.avg_pool2d(images[:, :1], 4)
        padded = nn.functional.pad(maps, (1, 1, 0, 0), mode="replicate")
        slope = padded[..., 2:] - padded[..., :-2]
        return maps.expand(-1, 16, -1, -1), torch.stack([slope, maps], dim=2).expand(-1, 16, -1, -1, -1)


def module(network, **options):
    return OffsetPose(
        network=network, skeleton="mpii", input_size=SIZE, optimizer=torch.optim.Adam, radius=0.2, **options
    )


def test_training_on_one_person_finds_the_joints():
    pose = module(Fixed())
    keypoints = 8 + torch.rand(1, 16, 2, generator=torch.Generator().manual_seed(0)) * 32
    visibility = torch.full((1, 16), 2, dtype=torch.uint8)
    visibility[0, 3] = 0
    optimizer = torch.optim.Adam(pose.parameters(), lr=0.05)
    for _ in range(120):
        optimizer.zero_grad()
        losses = pose.losses(torch.zeros(1, 3, 64, 48), {"keypoints": keypoints, "visibility": visibility})
        losses["loss"].backward()
        optimizer.step()
    assert set(losses) == {"loss", "disc", "offset"}
    assert pose.network.discs.grad[0, 3].abs().max() == 0
    found, _ = pose.predict(torch.zeros(1, 3, 64, 48))
    # Offsets outside the disc are not trained, and the smoothing takes some of them in.
    assert (found - keypoints)[0, visibility[0] > 0].norm(dim=-1).max() < 2


def test_mirrored_images_give_mirrored_predictions():
    picture = torch.rand(2, 3, 64, 48, generator=torch.Generator().manual_seed(1))
    pose = module(Bright())
    plain, scores = pose.predict(picture)
    mirrored, _ = pose.predict(picture.flip(-1))
    torch.testing.assert_close(pose.unflip_keypoints(mirrored), plain, atol=1e-3, rtol=0)
    pose.flip_test = True
    both, averaged = pose.predict(picture)
    torch.testing.assert_close(both, plain, atol=1e-3, rtol=0)
    torch.testing.assert_close(averaged, scores)
    assert pose.seen(picture)["maps"].shape == (2, 16, 16, 12)
