"""The 1 euro filter: steady points stay still, quick ones are followed without delay.

Casiez, Roussel, Vogel: *1 euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems*,
CHI 2012, Algorithm 1. Its Python packages filter one number at a time; this one a pose.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CUTOFF = 1.0  # hertz, of a point at rest (the paper's starting value)
SPEED = 2.0  # hertz by which moving at one's own size a second raises it: walking passes 4 hertz, a throw 10
SPEED_CUTOFF = 1.0  # hertz, of the speed itself (the paper's)


class OneEuro:
    """Filters one pose's points, frame after frame.

    Args:
        cutoff: hertz below which movements of a resting point pass. speed: hertz that one size a second adds.
    """

    def __init__(self, cutoff: float = CUTOFF, speed: float = SPEED) -> None:
        self._cutoff, self._speed = cutoff, speed
        self._time: float | None = None
        self._points = np.zeros(0)
        self._rate = np.zeros(0)

    def __call__(self, points: Array, time: float, size: float) -> Array:
        """The filtered points of a frame.

        Args:
            points: (K, 2) pixels. time: in seconds, later than the frame's before. size: of the pose in pixels, by
                which speeds are measured, so that the video's resolution does not matter.
        """
        if self._time is None:
            self._time, self._points, self._rate = time, points, np.zeros_like(points)
            return points
        step = time - self._time
        if step <= 0:
            return self._points
        share = _share(SPEED_CUTOFF, step)
        self._rate = share * (points - self._points) / step + (1 - share) * self._rate
        share = _share(self._cutoff + self._speed * np.abs(self._rate) / size, step)
        self._points = share * points + (1 - share) * self._points
        self._time = time
        return self._points


def _share(cutoff: Array | float, step: float) -> Array:
    """By how much a first-order low-pass filter follows its input within a step of so many seconds."""
    radians = 2 * np.pi * np.asarray(cutoff) * step
    shared: Array = radians / (radians + 1)
    return shared
