"""3D integral: the expected position in a volume of logits (volume paper, section 2; integral's Eqs. 4 to 7).

One softmax over all bins of a joint. Always float32 or better, also under autocast.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from posereg.codecs.constants import filled
from posereg.geometry.pixels import Convention, half_pixel

# Depth bins handled at once in the backward pass: few enough to be small beside the volume.
SLICES = 4


def integral3d(logits: Tensor) -> Tensor:
    """Expected cell (B, K, 3), x y z, of logits (B, K, D, H, W), through marginal sums.

    Memory: besides the logits, one volume at a time. The probabilities are dropped after the forward pass
    and made again in the backward pass, where the gradient p (g . (cell - expectation)) overwrites them.
    """
    with torch.autocast(logits.device.type, enabled=False):
        cells: Tensor = _Expectation3d.apply(logits)
    return cells


def to_unit(cells: Tensor, size: tuple[int, int, int], convention: Convention = "corner") -> Tensor:
    """Cells (..., 3) xyz to [-0.5, 0.5] on a volume of `size` = (W, H, D) bins.

    `corner` is the released code's j / size - 0.5, `center` puts the volume's outer faces at +-0.5
    (`codecs.coordinates`).
    """
    half = half_pixel(convention)
    return (cells + half) / filled(size, cells) - 0.5


class _Expectation3d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:
        probability = _softmax(logits)
        x, y, z = _axes(probability)
        rows = probability.sum(4)
        cells = torch.stack(
            [(probability.sum((2, 3)) * x).sum(-1), (rows.sum(2) * y).sum(-1), (rows.sum(3) * z).sum(-1)],
            dim=-1,
        )
        ctx.save_for_backward(logits, cells)
        return cells

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        logits, cells = ctx.saved_tensors
        volume = _softmax(logits)
        x, y, z = (
            (axis - cells[..., k : k + 1]) * grads[0][..., k : k + 1] for k, axis in enumerate(_axes(volume))
        )
        plane = (y[..., :, None] + x[..., None, :])[:, :, None]
        for part, depth in zip(
            torch.split(volume, SLICES, dim=2), torch.split(z, SLICES, dim=2), strict=True
        ):
            part.mul_(plane + depth[..., None, None])
        return volume.to(logits.dtype)


def _softmax(logits: Tensor) -> Tensor:
    dtype = torch.promote_types(logits.dtype, torch.float32)
    return torch.softmax(logits.flatten(2), dim=2, dtype=dtype).view(logits.shape)


def _axes(volume: Tensor) -> list[Tensor]:
    """Bin numbers along x, y, z."""
    return [torch.arange(n, device=volume.device, dtype=volume.dtype) for n in volume.shape[:1:-1]]
