import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from posereg.networks import adaptive
from posereg.networks.adaptive import AdaptiveConv2d, ARTBlock, adaptive_conv2d, tap_offsets

IMPLEMENTATIONS = ("sparse", "grid", "torchvision")
PAPER_GRID = (
    (-1, 0, 1, -1, 0, 1, -1, 0, 1),
    (-1, -1, -1, 0, 0, 0, 1, 1, 1),
)  # ART paper, Eq. 3: x row, y row


def bilinear(image: Tensor, y: float, x: float) -> Tensor:
    """(C,) of image (C, H, W) at any place, zero outside."""
    _, h, w = image.shape
    total = torch.zeros(image.shape[0], dtype=image.dtype)
    for cy in (math.floor(y), math.floor(y) + 1):
        for cx in (math.floor(x), math.floor(x) + 1):
            if 0 <= cy < h and 0 <= cx < w:
                total += image[:, cy, cx] * (1 - abs(y - cy)) * (1 - abs(x - cx))
    return total


def by_the_equation(image: Tensor, matrices: Tensor, weight: Tensor, dilation: int = 1) -> Tensor:
    """y(q) = sum_i W_i x(q + T g_i) read off the paper, T (H, W, 2, 2) acting on (x, y) columns."""
    _, h, w = image.shape
    out = torch.zeros(weight.shape[0], h, w, dtype=image.dtype)
    grid = torch.tensor(PAPER_GRID, dtype=image.dtype)
    for qy in range(h):
        for qx in range(w):
            spread = matrices[qy, qx] + (dilation - 1) * torch.eye(2, dtype=image.dtype)
            moved = spread @ grid
            for i in range(9):
                sample = bilinear(image, qy + float(moved[1, i]), qx + float(moved[0, i]))
                out[:, qy, qx] += weight[:, :, i // 3, i % 3] @ sample
    return out


def as_channels(matrices: Tensor) -> Tensor:
    """(H, W, 2, 2) on (x, y) to the (1, 4, H, W) of the module: yy, yx, xy, xx."""
    return torch.stack(
        [matrices[..., 1, 1], matrices[..., 1, 0], matrices[..., 0, 1], matrices[..., 0, 0]]
    ).unsqueeze(0)


def everywhere(matrix: Tensor, h: int, w: int) -> Tensor:
    return as_channels(matrix.expand(h, w, 2, 2))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("dilation", [1, 2])
def test_equals_the_papers_equation(implementation, dilation):
    torch.manual_seed(0)
    image, weight = torch.randn(3, 6, 7), torch.randn(4, 3, 3, 3)
    matrices = torch.randn(6, 7, 2, 2) * 2  # many taps fall outside
    got = adaptive_conv2d(image[None], as_channels(matrices), weight, dilation, implementation)[0]
    torch.testing.assert_close(got, by_the_equation(image, matrices, weight, dilation), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_known_matrices(implementation):
    torch.manual_seed(1)
    x, weight = torch.randn(2, 3, 9, 8), torch.randn(5, 3, 3, 3)

    def got(matrix: list[list[float]]) -> Tensor:
        transform = everywhere(torch.tensor(matrix), 9, 8).expand(2, -1, -1, -1)
        return adaptive_conv2d(x, transform, weight, implementation=implementation)

    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(got([[1.0, 0.0], [0.0, 1.0]]), F.conv2d(x, weight, padding=1), **close)
    torch.testing.assert_close(
        got([[2.0, 0.0], [0.0, 2.0]]), F.conv2d(x, weight, padding=2, dilation=2), **close
    )
    torch.testing.assert_close(
        got([[0.0, 0.0], [0.0, 0.0]]), F.conv2d(x, weight.sum((2, 3), keepdim=True)), **close
    )
    # A quarter turn x' = -y, y' = x: the tap right of the centre reads below it.
    turned = torch.rot90(weight, -1, dims=(2, 3))
    torch.testing.assert_close(got([[0.0, -1.0], [1.0, 0.0]]), F.conv2d(x, turned, padding=1), **close)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_ramp_answers_any_matrix(implementation):
    """On f(x, y) = 2x + 3y bilinear sampling is exact, so the response is linear in T."""
    h, w = 12, 12
    ys, xs = torch.meshgrid(torch.arange(float(h)), torch.arange(float(w)), indexing="ij")
    ramp = (2 * xs + 3 * ys)[None, None]
    weight = torch.zeros(1, 1, 3, 3)
    weight[0, 0, 1, 2], weight[0, 0, 1, 0] = 1, -1  # tap (+1, 0) minus tap (-1, 0)
    angle, scale = 0.7, 1.3
    matrix = scale * torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    out = adaptive_conv2d(ramp, everywhere(matrix, h, w), weight, implementation=implementation)[
        0, 0, 3:-3, 3:-3
    ]
    expected = 2 * scale * (2 * math.cos(angle) + 3 * math.sin(angle))
    torch.testing.assert_close(out, torch.full_like(out, expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("dilation", "band"), [(1, 12 << 20), (3, 1)])
def test_gradients_equal_torchvisions(monkeypatch, dilation, band):
    """One row a band, too."""
    monkeypatch.setattr(adaptive, "_BAND_BYTES", band)
    torch.manual_seed(2)
    x = torch.randn(2, 8, 13, 10, requires_grad=True)
    transform = (torch.randn(2, 4, 13, 10) * 3).requires_grad_()
    weight = torch.randn(6, 8, 3, 3, requires_grad=True)
    toward = torch.randn(2, 6, 13, 10)
    grads = [
        torch.autograd.grad(
            adaptive_conv2d(x, transform, weight, dilation, i), (x, transform, weight), toward
        )
        for i in IMPLEMENTATIONS
    ]
    *others, reference = grads
    for ours in others:
        for mine, theirs in zip(ours, reference, strict=True):
            assert (mine - theirs).abs().max() <= 1e-4 * theirs.abs().max()


def test_far_away_taps_read_zero():
    x, weight = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3)
    transform = torch.full((1, 4, 4, 4), 1e9)
    transform[:, 1:3] = 0
    out = adaptive_conv2d(x, transform, weight)
    torch.testing.assert_close(out, torch.ones_like(out))  # only the centre tap stays inside


def test_half_precision_samples_in_float32():
    torch.manual_seed(3)
    x, weight = torch.randn(1, 16, 40, 40), torch.randn(16, 16, 3, 3) / 12
    transform = torch.randn(1, 4, 40, 40)
    half = adaptive_conv2d(x.bfloat16(), transform, weight)
    assert half.dtype == torch.bfloat16
    full = adaptive_conv2d(x, transform, weight)
    assert (half.float() - full).abs().max() < 0.03 * full.abs().max()


def test_start_of_the_module():
    x = torch.randn(2, 4, 5, 5)
    assert AdaptiveConv2d(4, 4).positions(x).abs().max() == 0
    conv = AdaptiveConv2d(4, 4, init="identity")
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight, padding=1), rtol=1e-4, atol=1e-5)


def test_dilation_widens_the_grid():
    """(T + (d - 1) I) G: with T = I and d = 3 the taps lie three cells apart."""
    offsets = tap_offsets(everywhere(torch.eye(2), 1, 1), dilation=3)[0, :, :, 0, 0]
    expected = 3 * torch.tensor([(y, x) for y in (-1.0, 0, 1) for x in (-1.0, 0, 1)])
    torch.testing.assert_close(offsets, expected)


def test_ordinary_block_is_the_ablation():
    torch.manual_seed(4)
    x = torch.randn(2, 6, 9, 9)
    block = ARTBlock(6, dilation=2, adaptive=False).eval()
    out = F.relu(x + block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x))))))
    torch.testing.assert_close(block(x), out)


def test_shared_kernels_learn_together():
    first, second = ARTBlock(4), ARTBlock(4, dilation=2)
    second.share_weights(first)
    alone = sum(p.numel() for p in ARTBlock(4).parameters())
    together = {id(p): p.numel() for b in (first, second) for p in b.parameters()}
    own = 2 * (2 * 4 + 4)  # two batch norms and two transform biases
    assert sum(together.values()) == alone + own


def test_the_counter_sees_an_ordinary_convolution():
    """Stand-in tensors take torchvision's operator, whose cost the counter knows."""
    from posereg.networks.complexity import complexity

    conv = AdaptiveConv2d(8, 8)
    assert complexity(conv, (8, 16, 16)).macs == 16 * 16 * 9 * 8 * (8 + 4)
