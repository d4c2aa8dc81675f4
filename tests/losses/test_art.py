"""Bottom-up losses against the arithmetic of paper and released code, written with full maps."""

import pytest
import torch

from crowds import crowd, dense_offsets, make_batch, random_maps
from posereg.codecs.art import encode
from posereg.codecs.art_maps import Maps
from posereg.losses.art import losses
from posereg.networks.art import ARTNet
from posereg.networks.hrnet import HRNetTrunk


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
    got = losses(maps, targets, weighting="equations")
    mask = torch.where(targets.heatmaps > 0, 1.0, 0.1)
    heat = (mask * (maps.heatmaps - targets.heatmaps) ** 2).sum()
    center = ((maps.centers - targets.centers) ** 2).sum()
    offsets, weights = dense_offsets(targets, b, k, h, w)
    error = (maps.offsets - offsets).abs()
    smooth = torch.where(error < 1 / 9, 0.5 * error**2 * 9, error - 0.5 / 9)
    expected = (heat + 0.01 * (center + (smooth * weights).sum())) / b
    torch.testing.assert_close(got["loss"], expected)
    unbalanced = losses(maps, targets, weighting="equations", background=1.0)["heatmap"]
    torch.testing.assert_close(unbalanced, (maps.heatmaps - targets.heatmaps).square().sum() / b)


def test_the_papers_masks_under_the_released_weighting():
    """Means; a mask of its own for each map, the centre's among them."""
    targets, maps = encode(crowd(), (32, 32)), random_maps(2, 4, 32, 32)
    truth = torch.cat([targets.heatmaps, targets.centers], 1)
    error = (torch.cat([maps.heatmaps, maps.centers], 1) - truth) ** 2
    masked = torch.where(truth > 0, 1.0, 0.1) * error
    got = losses(maps, targets)
    torch.testing.assert_close(got["heatmap"] + got["center"], masked.mean())
    torch.testing.assert_close(got["loss"], masked.mean() + 0.01 * got["offset"])


@pytest.mark.parametrize("compat", ["paper", "released"])
def test_how_much_of_what_the_trunk_learns_is_the_regression(compat):
    """The gradient of centre and offsets on the trunk's features, against that of the heat maps: by the equations the
    regression hardly counts, under the released weighting about as much as they do."""
    torch.manual_seed(0)
    network = ARTNet(HRNetTrunk("hrnet_w18_small"), keypoints=4, regression_width=48)
    features = []
    network.trunk.register_forward_hook(lambda module, inputs, output: features.append(output))
    maps = network(torch.rand(2, 3, 128, 128))
    targets = encode(crowd(), (32, 32), compat=compat)

    def ratio(weighting):
        parts = losses(maps, targets, compat, weighting)
        shares = (parts["heatmap"], parts["loss"] - parts["heatmap"])
        heat, regression = (torch.autograd.grad(part, features[0], retain_graph=True)[0] for part in shares)
        return regression.norm() / heat.norm()

    assert ratio("equations") < 0.1
    assert 0.3 < ratio("released") < 10


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
