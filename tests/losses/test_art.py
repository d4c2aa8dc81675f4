"""Bottom-up losses against the arithmetic of paper and released code, written with full maps."""

import pytest
import torch

from crowds import crowd, dense_offsets, make_batch, random_maps
from posereg.codecs.art import encode
from posereg.codecs.art_maps import Maps
from posereg.losses.art import losses


@pytest.mark.parametrize("fine", [False, True])
def test_released_losses_on_full_maps(fine):
    """The released code's arithmetic (docs/papers/art.md#targets) written with full maps."""
    b, k, h, w = 2, 4, 32, 32
    batch = crowd()
    batch["ignore"] = (torch.rand(b, h, w, generator=torch.Generator().manual_seed(3)) > 0.7).to(torch.uint8)
    targets = encode(batch, (h, w), compat="released", fine=fine)
    maps = random_maps(b, k, h, w, fine)
    got = losses(maps, targets, "released")

    keep = 1 - batch["ignore"].float()[:, None]
    truth = torch.cat([targets.heatmaps, targets.centers], 1)
    mask = torch.where((truth > 0).any(1, keepdim=True), 1.0, 0.1) * keep
    branches = [maps.branches[:, s] for s in range(3)] if fine else [maps.heatmaps]
    predicted = torch.cat([*branches, maps.centers], 1)
    truth = torch.cat([targets.heatmaps] * len(branches) + [targets.centers], 1)
    heat = (mask * (predicted - truth) ** 2).mean((1, 2, 3)).mean()
    if fine:
        wide = keep.repeat_interleave(2, 2).repeat_interleave(2, 3)
        fine_mask = torch.where((targets.fine > 0).any(1, keepdim=True), 1.0, 0.025) * wide
        heat = heat + (fine_mask * (maps.fine - targets.fine) ** 2).mean()
    offsets, weights = dense_offsets(targets, b, k, h, w)
    error = (maps.offsets - offsets).abs()
    smooth = torch.where(error < 1 / 9, 0.5 * error**2 * 9, error - 0.5 / 9)
    regression = (smooth * weights).sum() / (weights > 0).sum()
    torch.testing.assert_close(got["loss"], heat + 0.01 * regression)
    torch.testing.assert_close(got["offset"], regression)


def test_paper_losses_on_full_maps():
    """Eqs. 4 to 6: a mask per keypoint type, sums, lambda on offsets and centre."""
    b, k, h, w = 2, 4, 32, 32
    batch = crowd()
    targets = encode(batch, (h, w))
    maps = random_maps(b, k, h, w)
    got = losses(maps, targets)
    mask = torch.where(targets.heatmaps > 0, 1.0, 0.1)
    heat = (mask * (maps.heatmaps - targets.heatmaps) ** 2).sum()
    center = ((maps.centers - targets.centers) ** 2).sum()
    offsets, weights = dense_offsets(targets, b, k, h, w)
    error = (maps.offsets - offsets).abs()
    smooth = torch.where(error < 1 / 9, 0.5 * error**2 * 9, error - 0.5 / 9)
    expected = (heat + 0.01 * (center + (smooth * weights).sum())) / b
    torch.testing.assert_close(got["loss"], expected)
    unbalanced = losses(maps, targets, background=1.0)["heatmap"]
    torch.testing.assert_close(unbalanced, (maps.heatmaps - targets.heatmaps).square().sum() / b)


@pytest.mark.parametrize("compat", ["paper", "released"])
def test_perfect_maps_cost_nothing(compat):
    batch = crowd()
    targets = encode(batch, (32, 32), compat=compat, fine=True)
    offsets, _ = dense_offsets(targets, 2, 4, 32, 32)
    branches = targets.heatmaps[:, None].expand(-1, 3, -1, -1, -1)
    maps = Maps(targets.heatmaps, branches, targets.centers, offsets, targets.fine)
    assert losses(maps, targets, compat)["loss"] == 0


@pytest.mark.parametrize("compat", ["paper", "released"])
def test_ignored_cells_teach_nothing(compat):
    batch = crowd()
    batch["ignore"] = torch.zeros(2, 128, 128, dtype=torch.uint8)
    batch["ignore"][:, 43, 60] = 1  # one input pixel of cell (10, 15)
    targets = encode(batch, (32, 32), compat=compat, fine=True)
    maps = random_maps(2, 4, 32, 32, fine=True)
    leaves = [m.clone().requires_grad_() for m in maps]
    losses(Maps(*leaves), targets, compat)["loss"].backward()
    branches, centers, fine = leaves[1].grad, leaves[2].grad, leaves[4].grad
    for grad, cells in ((branches, 1), (centers, 1), (fine, 4)):
        silent = (grad[0, -1] if grad.dim() == 4 else grad[0, 0, 0]) == 0
        assert silent.sum() == cells
    assert centers[0, 0, 10, 15] == 0


def test_nobody_there():
    batch = make_batch(torch.zeros(2, 0, 4, 2))
    for compat in ("paper", "released"):
        targets = encode(batch, (16, 16), compat=compat)
        maps = Maps(*(m.requires_grad_() for m in random_maps(2, 4, 16, 16)[:4]), None)
        total = losses(maps, targets, compat)["loss"]
        total.backward()
        assert torch.isfinite(total)
        assert targets.heatmaps.sum() == 0
