"""Maps -> keypoints by the position of the maximum (integral paper, Eq. 1: no quarter-cell shift)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from posereg.codecs.grid import Grid

Score = Literal["value", "softmax", "sigmoid"]


def argmax_decode(maps: Tensor, grid: Grid, score: Score = "value") -> tuple[Tensor, Tensor]:
    """
    Args:
        maps: (B, K, H, W).
        score: what the maximum is worth: its `value`, or its probability where the maps are logits, of a `softmax` over
            the cells or of a `sigmoid`.

    Returns:
        Keypoints (B, K, 2) float32 in input pixels and scores (B, K) float32.
    """
    flat = maps.detach().float().flatten(2)
    if flat.device.type == "cpu" and not torch.compiler.is_compiling():
        # numpy's argmax is several times faster than torch's on the CPU; graphs cannot hold it. Both take the first
        # of equal maxima.
        index = torch.from_numpy(np.argmax(flat.numpy(), axis=2))
        highest = flat.gather(2, index[..., None])[..., 0]
    else:
        index = flat.argmax(dim=2)
        highest = flat.amax(dim=2)
    cells = torch.stack([index % grid.width, index // grid.width], dim=-1).float()
    return grid.pixels(cells), _worth(highest, flat, score)


def _worth(highest: Tensor, flat: Tensor, score: Score) -> Tensor:
    if score == "softmax":
        return (highest - flat.logsumexp(dim=2)).exp()
    return highest.sigmoid() if score == "sigmoid" else highest
