"""Residual log-likelihood estimation (Li et al., *Human Pose Regression with Residual Log-likelihood Estimation*, ICCV
2021): the negative logarithm of the density that a network and a flow give to the true joints."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from posereg.losses.integral import weighted_mean

Shape = Literal["laplace", "gaussian"]
Density = Callable[[Tensor], Tensor]  # errors (N, 2) -> its logarithm (N,)


def likelihood_loss(
    coordinates: Tensor,
    spread: Tensor,
    target: Tensor,
    weight: Tensor,
    shape: Shape = "laplace",
    log_density: Density | None = None,
) -> Tensor:
    """Mean over the joints that count of -log Q(e) - log G(e) + log sigma_x + log sigma_y; e is the error in sigmas.

    Q is a density of unit scale for each axis, G what a flow learns beside it, as a factor; its normalising constant is
    left out, as in the paper. Without `log_density` the loss is the exact negative log-likelihood of Q.

    Args:
        coordinates, target: (B, K, 2), normalised.
        spread: (B, K, 2), sigma.
        weight: (B, K), 0 for joints that do not count.
        shape: of Q.
        log_density: of G.
    """
    with torch.autocast(coordinates.device.type, enabled=False):
        error = (coordinates - target) / spread
        laplace, normal = error.abs() + math.log(2), (error.square() + math.log(2 * math.pi)) / 2
        values = ((laplace if shape == "laplace" else normal) + spread.log()).sum(-1)
        if log_density is None:
            return weighted_mean(values, weight)
        # A joint that does not count may lie anywhere; far away, the flow's value would be no number.
        safe = torch.where(weight[..., None] > 0, error, 0.0)
        return weighted_mean(values - log_density(safe.flatten(0, 1)).view_as(weight), weight)
