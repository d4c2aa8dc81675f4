"""Soft-argmax, joint probability and context aggregation (section 3.2; docs/papers/softargmax.md#soft-argmax-ramp).

Coordinates are labels in [0, 1], the unit of the paper's loss: `to_label` and `to_pixels` translate.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from posereg.codecs.constants import filled
from posereg.codecs.integral import expectation

Ramp = Literal["linspace", "paper", "half_pixel"]


class ContextPose(NamedTuple):
    """The output of one prediction block.

    Attributes:
        coordinates: (B, K, 2) xy, aggregated (Eq. 6).
        logits: (B, K), the part maps' maxima; their sigmoid is the joint probability.
        part: (B, K, 2) of the part maps alone.
        context: (B, K, Nc, 2) of each context map.
        weights: (B, K, Nc), the context maps' shares in the aggregate, 1 - alpha in all (0 without context).
    """

    coordinates: Tensor
    logits: Tensor
    part: Tensor
    context: Tensor
    weights: Tensor


def aggregate(maps: Tensor, joints: int, alpha: float = 0.8, ramp: Ramp = "linspace") -> ContextPose:
    """Eq. 6: y = alpha y_part + (1 - alpha) sum_i p_i y_i / sum_i p_i over a joint's context maps.

    Args:
        maps: (B, K (1 + Nc), H, W), the K part maps first, then the context maps joint by joint.
        joints: K.
        alpha: share of the part map; without context maps it does not matter.

    Raises:
        ValueError: the number of maps is not a multiple of `joints`.
    """
    if maps.shape[1] % joints:
        raise ValueError(f"{maps.shape[1]} maps are not K (1 + Nc) for {joints} joints")
    contexts = maps.shape[1] // joints - 1
    located = soft_argmax(maps, ramp)
    if not contexts:
        # On its own, as exported graphs hold no empty tensors.
        empty = located.new_zeros(*located.shape[:2], 0)
        return ContextPose(
            located, maps.float().amax((2, 3)), located, empty[..., None].expand(-1, -1, -1, 2), empty
        )
    part, context = located[:, :joints], located[:, joints:].reshape(maps.shape[0], joints, contexts, 2)
    peaks = maps.float().amax((2, 3))
    # p_i / sum p is the softmax of log p, which does not divide by a vanishing sum.
    confidence = functional.logsigmoid(peaks[:, joints:].reshape(maps.shape[0], joints, contexts))
    weights = (1 - alpha) * confidence.softmax(-1)
    coordinates = alpha * part + (weights[..., None] * context).sum(2)
    return ContextPose(coordinates, peaks[:, :joints], part, context, weights)


def soft_argmax(maps: Tensor, ramp: Ramp = "linspace") -> Tensor:
    """Labels (B, M, 2) of maps (B, M, H, W): the expected ramp value under a spatial softmax (Eqs. 1 to 4).

    Ramps over a map W wide (cell i counted from 0): `linspace` i/(W-1), the released code; `paper` (i+1)/W,
    Eq. 3; `half_pixel` (i+0.5)/W, exact for pixel centres. Eq. 5 gives only the diagonal of the softmax in the
    derivative; the true one, used here, is dPsi/dh = Phi (W - Psi).
    """
    cells, _ = expectation(maps)
    return _on_ramp(cells, maps, ramp)


def hard_argmax(maps: Tensor, ramp: Ramp = "linspace") -> Tensor:
    """Labels (B, M, 2) of each map's maximum: the row `argmax` of Table 1."""
    index = maps.flatten(2).argmax(2)
    width = maps.shape[3]
    return _on_ramp(torch.stack([index % width, index // width], dim=-1).float(), maps, ramp)


def to_label(pixels: Tensor, input_size: tuple[int, int], ramp: Ramp = "linspace") -> Tensor:
    """Input pixels (..., 2) to labels: x / W as in the released code, (x + 0.5) / W for `half_pixel`."""
    return (pixels + _half(ramp)) / filled(input_size, pixels)


def to_pixels(labels: Tensor, input_size: tuple[int, int], ramp: Ramp = "linspace") -> Tensor:
    """Labels (..., 2) to input pixels, the inverse of `to_label`.

    Mirror in pixels: x -> W-1-x is not 1 - x except for `half_pixel`.
    """
    return labels * filled(input_size, labels) - _half(ramp)


def _half(ramp: Ramp) -> float:
    return 0.5 if ramp == "half_pixel" else 0.0


def _on_ramp(cells: Tensor, maps: Tensor, ramp: Ramp) -> Tensor:
    size = filled((maps.shape[3], maps.shape[2]), cells)
    if ramp == "linspace":
        return cells / (size - 1)
    return (cells + (1.0 if ramp == "paper" else 0.5)) / size
