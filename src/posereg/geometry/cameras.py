"""Weak-perspective cameras from 3D poses and 2D predictions (docs/papers/volume.md#projection)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Below this spread (mm or pixels) points count as one point: nothing fixes a scale.
COINCIDENT = 1e-3


@dataclass(frozen=True)
class WeakPerspective:
    """N cameras: pixels = scale * rotation @ (X, Y) + translation, depth in pixels = scale * Z.

    Attributes:
        scale: (N,) pixels per millimetre; NaN where there was nothing to fit.
        rotation: (N, 2, 2), in the image plane.
        translation: (N, 2) pixels, where the origin of the pose (the root) lies.
        joints: (N,) how many joints were fitted.
        residual: (N,) pixels, root mean square over those joints.
        relative: (N,) residual over the spread of the pixels about their mean: 0 is a perfect fit, 1 explains
            nothing. A mirrored or left-right swapped 2D pose gives a large value, since cameras do not mirror.
    """

    scale: Array
    rotation: Array
    translation: Array
    joints: NDArray[np.int64]
    residual: Array
    relative: Array

    @property
    def fitted(self) -> NDArray[np.bool_]:
        """(N,) whether there is a camera."""
        return np.isfinite(self.scale)

    def project(self, xyz: NDArray[np.floating]) -> Array:
        """Poses (N, K, 3) mm to (N, K, 3): x, y and depth in pixels; NaN without a camera."""
        points = np.asarray(xyz, np.float64)
        turned = points[..., :2] @ np.swapaxes(self.rotation, -1, -2)
        flat = self.scale[:, None, None] * turned + self.translation[:, None]
        return np.concatenate([flat, self.scale[:, None, None] * points[..., 2:]], axis=-1)


def fit_weak_perspective(
    points: NDArray[np.floating], pixels: NDArray[np.floating], valid: NDArray[np.bool_] | None = None
) -> WeakPerspective:
    """The least-squares similarity of each pose onto its 2D joints: rotation, scale, translation, no reflection.

    With X + iY and x + iy as complex numbers a similarity without reflection is one complex factor, so the fit is a
    closed form for any number of people at once.

    Args:
        points: (N, K, 2 or 3) mm; a third coordinate is ignored.
        pixels: (N, K, 2); joints that are not finite in either are left out.
        valid: (N, K) joints to fit; all by default.

    Returns:
        NaN for people with fewer than two joints, or whose 3D or 2D joints all lie on one spot.
    """
    known = np.isfinite(points[..., :2]).all(axis=-1) & np.isfinite(pixels).all(axis=-1)
    known = known if valid is None else known & valid
    count = known.sum(axis=1)
    model, model_mean = _centred(points, known)
    seen, seen_mean = _centred(pixels, known)
    power, spread = (np.abs(model) ** 2).sum(axis=1), (np.abs(seen) ** 2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = (model.conj() * seen).sum(axis=1) / power
        size = np.sqrt(spread / count)
        residual = np.sqrt((np.abs(seen - factor[:, None] * model) ** 2).sum(axis=1) / count)
        usable = (count >= 2) & (np.sqrt(power / count) > COINCIDENT) & (size > COINCIDENT)
        # A factor of 0 is a fit without a direction: uncorrelated poses.
        usable &= np.abs(factor) > 0
        turn = factor / np.abs(factor)
        relative = residual / size
    factor, turn = np.where(usable, factor, np.nan), np.where(usable, turn, np.nan)
    move = seen_mean - factor * model_mean
    return WeakPerspective(
        scale=np.where(usable, np.abs(factor), np.nan),
        rotation=np.stack([turn.real, -turn.imag, turn.imag, turn.real], axis=-1).reshape(-1, 2, 2),
        translation=np.where(usable[:, None], np.stack([move.real, move.imag], axis=-1), np.nan),
        joints=count,
        residual=np.where(usable, residual, np.nan),
        relative=np.where(usable, relative, np.nan),
    )


def _centred(
    points: NDArray[np.floating], known: NDArray[np.bool_]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Points (N, K) about their mean (N,) as complex numbers; 0 where not known."""
    values = np.asarray(points, np.float64)
    plane = np.where(known, values[..., 0] + 1j * values[..., 1], 0)
    mean = plane.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known, plane - mean[:, None], 0), mean
