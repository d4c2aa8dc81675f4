import pytest
import torch

from posereg.networks.art import ARTNet, complexity
from posereg.networks.hrnet import HRNetTrunk


def small(**options):
    torch.manual_seed(0)
    return ARTNet(HRNetTrunk("hrnet_w18_small"), **options)


# docs/papers/art.md#sizes: unique parameters, GMAC of the released counter (BU README), GMAC of the paper's Table 1.
PUBLISHED = [
    ("hrnet_w32", {}, 512, 30.679, 64.891, 63.7),
    pytest.param("hrnet_w48", {}, 640, 66.803, 174.275, 170.1, marks=pytest.mark.slow),
    pytest.param("hrnet_w48", {"high_resolution": True}, 640, 66.896, 181.948, 179.5, marks=pytest.mark.slow),
    ("hrnet_w32", {"keypoints": 14}, 512, 30.676, 64.848, None),
]


@pytest.mark.parametrize(("name", "options", "size", "params", "released", "paper"), PUBLISHED)
def test_published_sizes(name, options, size, params, released, paper):
    with torch.device("meta"):
        net = ARTNet(HRNetTrunk(name), **options)
    cost = complexity(net, size)
    assert round(cost.params / 1e6, 3) == params
    assert round(cost.macs / 1e9, 3) == released
    if paper:
        assert round(complexity(net, size, "paper").macs / 1e9, 1) == paper


@pytest.mark.parametrize("high_resolution", [False, True])
@pytest.mark.parametrize("adaptive", [False, True])
def test_shapes_for_any_aspect(adaptive, high_resolution):
    net = small(adaptive=adaptive, high_resolution=high_resolution).eval()
    with torch.no_grad():
        maps = net(torch.randn(2, 3, 64, 96))
    assert maps.heatmaps.shape == (2, 17, 16, 24)
    assert maps.branches.shape == (2, 3, 17, 16, 24)
    assert maps.centers.shape == (2, 1, 16, 24)
    assert maps.offsets.shape == (2, 17, 2, 16, 24)
    assert (maps.fine.shape == (2, 17, 32, 48)) if high_resolution else (maps.fine is None)
    torch.testing.assert_close(maps.heatmaps, maps.branches.mean(1))


def test_guidance_lets_the_regression_teach_the_heat_maps():
    """With guidance the offsets' gradient reaches the heat-map head; without, it does not (ART paper, 3.1)."""
    for guidance in (True, False):
        net = small(guidance=guidance)
        net(torch.randn(1, 3, 64, 64)).offsets.square().sum().backward()
        taught = net.heat.weight.grad is not None and bool(net.heat.weight.grad.abs().sum() > 0)
        assert taught == guidance


def test_every_parameter_learns():
    net = small(high_resolution=True, init="identity")
    maps = net(torch.randn(2, 3, 64, 64))
    loss = sum(m.square().sum() for m in maps)
    loss.backward()
    silent = [n for n, p in net.named_parameters() if p.grad is None]
    assert silent == []


def test_zero_start_still_moves_the_taps():
    net = small()
    maps = net(torch.randn(1, 3, 64, 64))
    (maps.heatmaps.square().sum() + maps.offsets.square().sum()).backward()
    assert net.branches[0].conv1.transform.weight.grad.abs().sum() > 0
    assert net.regression_block.conv2.transform.bias.grad.abs().sum() > 0


def test_taps_of_the_regression_head():
    net = small(init="identity").eval()
    taps = net.regression_taps(torch.randn(1, 3, 64, 64))
    assert taps.shape == (1, 9, 2, 16, 16)
    torch.testing.assert_close(taps[0, 8, :, 3, 4], torch.tensor([1.0, 1.0]))
    with pytest.raises(TypeError, match="adaptive"):
        small(adaptive=False).regression_taps(torch.randn(1, 3, 64, 64))


def test_released_momentum_equals_three_updates():
    paper, released = small(), small(compat="released")
    released.load_state_dict(paper.state_dict())
    images = torch.randn(2, 3, 64, 64)
    released(images)
    with torch.no_grad():
        features = paper.trunk(images)
        for _ in range(3):
            paper.to_heat(features)
    torch.testing.assert_close(released.to_heat[1].running_mean, paper.to_heat[1].running_mean)
    torch.testing.assert_close(released.to_heat[1].running_var, paper.to_heat[1].running_var)
