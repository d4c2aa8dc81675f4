"""Integral decoding: the expectation of the position under a softmax (integral paper, Eqs. 4 to 7).

Always float32, also under autocast: bf16 has too few digits for a coordinate.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from posereg.codecs.grid import Grid

Normalisation = Literal["softmax", "relu_sum", "debiased"]


class _Expectation(torch.autograd.Function):
    """Softmax expectation with its gradient in closed form, dJ/dh_ij = p_ij (position_ij - J).

    One saved map instead of the three that autograd would keep.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> tuple[Tensor, Tensor]:
        batch, joints, height, width = logits.shape
        probability = torch.softmax(logits.flatten(2), dim=2).view(batch, joints, height, width)
        columns = torch.arange(width, device=logits.device, dtype=logits.dtype)
        rows = torch.arange(height, device=logits.device, dtype=logits.dtype)
        x = (probability.sum(2) * columns).sum(-1)
        y = (probability.sum(3) * rows).sum(-1)
        cells = torch.stack([x, y], dim=-1)
        ctx.save_for_backward(probability, cells)
        ctx.mark_non_differentiable(probability)
        ctx.set_materialize_grads(False)  # no map-sized zeros for the probability
        return cells, probability

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Tensor | None:
        probability: Tensor
        cells: Tensor
        probability, cells = ctx.saved_tensors
        height, width = probability.shape[-2:]
        grad = grads[0]
        if grad is None:
            return None
        columns = torch.arange(width, device=grad.device, dtype=grad.dtype)
        rows = torch.arange(height, device=grad.device, dtype=grad.dtype)
        across = grad[..., :1] * (columns - cells[..., :1])
        down = grad[..., 1:] * (rows - cells[..., 1:])
        # In place on the fresh sum: a second map-sized tensor would cost more than the arithmetic.
        return (down[..., :, None] + across[..., None, :]).mul_(probability)


def expectation(
    maps: Tensor, beta: float = 1.0, normalisation: Normalisation = "softmax"
) -> tuple[Tensor, Tensor]:
    """Expected cell (B, K, 2) xy and the probability maps (B, K, H, W), both float32.

    Args:
        maps: (B, K, H, W) heat maps; logits of the softmax, scaled by `beta` first.
        normalisation: `softmax` (Eq. 5); `relu_sum`, exact for a Gaussian heat map; or `debiased`, the softmax of
            the positive part without the share that cells of value 0 take, exp(0) = 1 each, which pulls the
            expectation to the map's centre (Gu et al., Removing the Bias of Integral Pose Regression, ICCV 2021).
            Gradients flow through the cells only.
    """
    with torch.autocast(maps.device.type, enabled=False):
        maps = maps.float()
        if normalisation == "softmax":
            cells, probability = _Expectation.apply(maps * beta if beta != 1.0 else maps)
            return cells, probability
        positive = functional.relu(maps)
        if normalisation == "debiased":
            # exp(beta h) - 1, at most 1 so that nothing overflows.
            top = beta * positive.detach().amax((2, 3), keepdim=True)
            positive = torch.exp(beta * positive - top) - torch.exp(-top)
        probability = positive / positive.sum((2, 3), keepdim=True).clamp_min(1e-6)
        columns = torch.arange(maps.shape[3], device=maps.device, dtype=torch.float32)
        rows = torch.arange(maps.shape[2], device=maps.device, dtype=torch.float32)
        x = (probability.sum(2) * columns).sum(-1)
        y = (probability.sum(3) * rows).sum(-1)
        return torch.stack([x, y], dim=-1), probability


def integral_decode(
    maps: Tensor, grid: Grid, beta: float = 1.0, normalisation: Normalisation = "softmax"
) -> tuple[Tensor, Tensor]:
    """Keypoints (B, K, 2) in input pixels and scores (B, K): the probability within one cell of the keypoint.

    The score sums the 3x3 window about the expected cell, so it is comparable between map sizes and near 1
    for a sharp map. The paper names none (docs/papers/integral.md#coco).
    """
    cells, probability = expectation(maps, beta, normalisation)
    with torch.no_grad():
        # Only the cells of the window: a pooling of whole maps takes as long again as ten softmaxes on a CPU.
        padded = functional.pad(probability, (1, 1, 1, 1))
        x = cells[..., 0].round().long().clamp(0, grid.width - 1)
        y = cells[..., 1].round().long().clamp(0, grid.height - 1)
        steps = torch.arange(3, device=maps.device)
        window = (y[..., None, None] + steps[:, None]) * padded.shape[3] + x[..., None, None] + steps
        score = padded.flatten(2).gather(2, window.flatten(2)).sum(-1)
    return grid.pixels(cells), score


def integral_encode(keypoints: Tensor, grid: Grid) -> Tensor:
    """Probability maps (B, K, H, W) whose expectation is the keypoint: bilinear weights of its four cells.

    The inverse of `integral_decode` (through its logarithm) for keypoints between the first and last cell
    centre.
    """
    cells = grid.cells(keypoints.float())

    def profile(center: Tensor, length: int) -> Tensor:
        distance = (torch.arange(length, device=center.device) - center[..., None]).abs()
        return (1 - distance).clamp_min(0)

    return (
        profile(cells[..., 1], grid.height)[..., :, None] * profile(cells[..., 0], grid.width)[..., None, :]
    )
