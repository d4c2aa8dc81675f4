"""Loss of coordinate classification (SimCC, Li et al., ECCV 2022, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from posereg.codecs.simcc import Axes
from posereg.losses.integral import weighted_mean


def simcc_loss(logits: Axes, targets: Axes, weight: Tensor) -> Tensor:
    """Kullback-Leibler divergence of both axes, summed over bins, mean over the joints that count.

    Args:
        logits, targets: (B, K, bins) of columns and rows; targets are probabilities.
        weight: (B, K), 0 for joints that do not count.
    """
    total = torch.stack([_divergence(*axis) for axis in zip(logits, targets, strict=True)]).sum(0)
    return weighted_mean(total, weight)


def _divergence(logits: Tensor, target: Tensor) -> Tensor:
    """(B, K), at least float32."""
    exact = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return (torch.xlogy(target, target) - target * exact.log_softmax(-1)).sum(-1)
