"""Sub-pixel refinement of keypoints: a Gaussian fitted to the heat around each (ART's released code)."""

from __future__ import annotations

import torch
from torch import Tensor

from posereg.inference.grouping import Heat, Poses, surface

THRESHOLD = 0.05


def refine(heat: Heat, poses: Poses, radius: int = 6, sigma: float = 2.0) -> Poses:
    """Keypoints scored above 0.05 move to the centre of the Gaussian fitted within +-`radius` input pixels.

    Their heat values become the amplitudes. A fit that leaves its window keeps the keypoint.

    Args:
        sigma: where the fit starts, input pixels.
    """
    chosen = poses.keypoint_scores > THRESHOLD
    if not bool(chosen.any()):
        return poses
    span = torch.arange(-radius, radius + 1, device=heat.maps.device, dtype=poses.keypoints.dtype)
    dy, dx = (d.flatten() for d in torch.meshgrid(span, span, indexing="ij"))
    window = torch.stack([dx, dy], dim=-1)
    values = surface(heat, poses.keypoints.unsqueeze(2) + window)[chosen]
    amplitude, shift, _ = fit_gaussians(values, window, sigma)
    near = (shift.abs() <= radius).all(-1) & (amplitude > 0)
    keypoints, heats = poses.keypoints.clone(), poses.heat.clone()
    keypoints[chosen] += torch.where(near.unsqueeze(-1), shift, 0.0)
    heats[chosen] = torch.where(near, amplitude, heats[chosen])
    return Poses(keypoints, heats, poses.centers)


def fit_gaussians(
    values: Tensor, places: Tensor, sigma: float, steps: int = 25
) -> tuple[Tensor, Tensor, Tensor]:
    """Least-squares isotropic Gaussians by Levenberg-Marquardt, all at once.

    Args:
        values: (N, S) samples at places (S, 2).
        sigma: start of the width; the centre starts at 0, the amplitude at the value nearest to it.

    Returns:
        Amplitudes (N,), centres (N, 2), widths (N,).
    """
    values, places = values.double(), places.double()
    number = len(values)
    middle = places.square().sum(-1).argmin()
    amplitude = values[:, middle]
    fitted = torch.stack(
        [amplitude, *torch.zeros(2, number).to(values), torch.full_like(amplitude, sigma)], dim=1
    )
    damping = values.new_full((number, 1), 1e-3)
    model, jacobian = _gaussian(fitted, places)
    cost = (values - model).square().sum(1)
    for _ in range(steps):
        normal = jacobian.transpose(1, 2) @ jacobian
        gradient = (jacobian.transpose(1, 2) @ (values - model).unsqueeze(-1)).squeeze(-1)
        diagonal = normal.diagonal(dim1=1, dim2=2)
        damped = normal + torch.diag_embed(damping * diagonal.clamp(min=1e-12))
        trial = fitted + torch.linalg.solve(damped, gradient)
        trial[:, 3] = trial[:, 3].abs().clamp(min=1e-2)
        trial_model, trial_jacobian = _gaussian(trial, places)
        trial_cost = (values - trial_model).square().sum(1)
        better = trial_cost < cost
        fitted = torch.where(better.unsqueeze(1), trial, fitted)
        model = torch.where(better.unsqueeze(1), trial_model, model)
        jacobian = torch.where(better[:, None, None], trial_jacobian, jacobian)
        cost = torch.where(better, trial_cost, cost)
        damping = torch.where(better.unsqueeze(1), damping / 10, damping * 10).clamp(1e-9, 1e9)
    out = fitted.float()
    return out[:, 0], out[:, 1:3], out[:, 3]


def _gaussian(parameters: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Values (N, S) and Jacobian (N, S, 4) of A exp(-|p - c|^2 / 2 s^2), parameters (N, 4) = A, cx, cy, s."""
    amplitude, x, y, sigma = parameters.unsqueeze(-1).unbind(1)
    dx, dy = places[:, 0] - x, places[:, 1] - y
    square = dx.square() + dy.square()
    bell = torch.exp(-square / (2 * sigma.square()))
    value = amplitude * bell
    by_x, by_y = value * dx / sigma.square(), value * dy / sigma.square()
    return value, torch.stack([bell, by_x, by_y, value * square / sigma**3], dim=-1)
