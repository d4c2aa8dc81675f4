import pytest
import torch
from torch import nn
from torch.nn import functional

from posereg.networks.hourglass import Hourglass, bilinear_


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_bilinear_deconvolution_interpolates(stride: int) -> None:
    layer = nn.ConvTranspose2d(3, 3, 2 * stride, stride=stride, padding=stride // 2)
    bilinear_(layer)
    maps = torch.randn(2, 3, 6, 7)
    finer = functional.interpolate(maps, scale_factor=stride, mode="bilinear", align_corners=False)
    inner = (..., slice(stride, -stride), slice(stride, -stride))
    torch.testing.assert_close(layer(maps)[inner], finer[inner])


@pytest.mark.parametrize("stride", [2, 4, 16])
def test_kernel_equal_to_stride_repeats_cells(stride: int) -> None:
    layer = nn.ConvTranspose2d(2, 2, stride, stride=stride)
    bilinear_(layer)
    maps = torch.randn(1, 2, 3, 3)
    torch.testing.assert_close(layer(maps), maps.repeat_interleave(stride, 2).repeat_interleave(stride, 3))


@pytest.mark.parametrize("learned_up", [True, False])
def test_hourglass_sees_everything_and_keeps_detail(learned_up: bool) -> None:
    """The receptive field covers the map, yet a single cell's change is strongest at that cell."""
    torch.manual_seed(0)
    network = Hourglass(8, order=3, units=1, learned_up=learned_up).double().eval()
    maps = torch.randn(1, 8, 16, 16, dtype=torch.float64)
    moved = maps.clone()
    moved[..., 5, 9] += 1
    change = (network(moved) - network(maps)).abs().sum(1)[0]
    assert (change > 0).all()
    assert divmod(int(change.argmax()), 16) == (5, 9)
