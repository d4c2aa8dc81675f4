"""A density over the plane that is learned: real NVP (Dinh et al., ICLR 2017), as residual log-likelihood estimation
(Li et al., ICCV 2021) uses it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from posereg.settings.ranges import Channels, Count


class PlaneFlow(nn.Module):
    """Density of points (..., 2): a standard normal, bent by layers that move one axis by a function of the other.

    Args:
        layers: couplings; the axes take turns.
        width: of the couplings' two hidden layers.
    """

    def __init__(self, layers: Count = 6, width: Channels = 64) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(_perceptron(width) for _ in range(layers))

    def log_density(self, points: Tensor) -> Tensor:
        """(...), the natural logarithm of the density at points (..., 2)."""
        axes = list(points.unbind(-1))
        log_volume = torch.zeros_like(axes[0])
        for k, coupling in enumerate(self.couplings):
            moved, still = k % 2, 1 - k % 2
            scale, shift = coupling(axes[still][..., None]).unbind(-1)
            scale = torch.tanh(scale)
            axes[moved] = (axes[moved] - shift) * torch.exp(-scale)
            log_volume = log_volume - scale
        squared = axes[0] ** 2 + axes[1] ** 2
        return log_volume - squared / 2 - math.log(2 * math.pi)


def _perceptron(width: int) -> nn.Sequential:
    layers = [
        nn.Linear(1, width),
        nn.LeakyReLU(),
        nn.Linear(width, width),
        nn.LeakyReLU(),
        nn.Linear(width, 2),
    ]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            # Nearly the normal density at first.
            nn.init.xavier_uniform_(layer.weight, gain=0.01)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)
