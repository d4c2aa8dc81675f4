import pytest
import torch
from torch import nn

from posereg.networks.softargmax import ShiftNorm, SoftArgmaxNet, _conv


def test_norm_has_a_shift_and_no_scale() -> None:
    norm = ShiftNorm(3)
    assert [name for name, _ in norm.named_parameters()] == ["bias"]
    x = torch.randn(8, 3, 5, 5) * 4 + 2
    torch.testing.assert_close(
        norm(x),
        (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), correction=0, keepdim=True) + 1e-3).sqrt(),
    )
    # Keras's momentum 0.99: one percent of the batch's mean enters.
    torch.testing.assert_close(norm.running_mean, 0.01 * x.mean((0, 2, 3)))


def test_momentum_reaches_every_norm() -> None:
    network = SoftArgmaxNet(2, blocks=1, width=16, momentum=0.2)
    assert {m.momentum for m in network.modules() if isinstance(m, ShiftNorm)} == {0.2}


def test_same_padding_starts_at_the_first_pixel() -> None:
    layer = _conv(1, 1, 3, stride=2)
    convolution = next(m for m in layer.modules() if isinstance(m, nn.Conv2d))
    x = torch.randn(1, 1, 8, 8)
    for row in range(3):
        with torch.no_grad():
            convolution.weight.zero_()[0, 0, row, row] = 1
        shifted = torch.zeros(1, 1, 10, 10)
        shifted[..., :8, :8] = x
        torch.testing.assert_close(layer(x), shifted[..., row : row + 8 : 2, row : row + 8 : 2])


def test_convolutions_start_as_in_keras() -> None:
    network = SoftArgmaxNet(blocks=1)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.bias is None
            taps = layer.kernel_size[0] * layer.kernel_size[1]
            # A depthwise kernel (k, k, C, 1) has C k^2 inputs and k^2 outputs in Keras's count.
            outputs = 1 if layer.groups > 1 else layer.out_channels
            bound = (6 / (taps * (layer.in_channels + outputs))) ** 0.5
            assert layer.weight.abs().max().item() <= bound
            assert layer.weight.detach().std().item() == pytest.approx(bound / 3**0.5, rel=0.1)


def test_blocks_refine_and_the_last_has_nothing_to_feed() -> None:
    network = SoftArgmaxNet(4, context=1, blocks=3, width=32)
    assert [block.back is None for block in network.blocks] == [False, False, True]
    network.eval()
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        maps = network(images)
        assert [m.shape for m in maps] == [(1, 8, 8, 12)] * 3
        # The first block's maps reach the second through the 1x1 feedback.
        network.blocks[0].maps[1].weight.mul_(2)
        again = network(images)
    torch.testing.assert_close(again[0], 2 * maps[0])
    assert not torch.allclose(again[1], maps[1])
