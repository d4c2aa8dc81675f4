"""How far an exported model is from posereg."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from posereg.export.engines import Arrays, Runner

LIMIT = 0.01  # input pixels, in float32
PIXELS = ("keypoints", "poses")


class Parity(NamedTuple):
    """Largest differences over all images.

    Attributes:
        pixels: of keypoints, or of the poses that bottom-up maps hold, in input pixels.
        others: of every other output, by name.
        compared: how many keypoints.
        beyond: how many of them differ by more than LIMIT pixels.
    """

    pixels: float
    others: dict[str, float]
    compared: int
    beyond: int

    def text(self) -> str:
        """One line."""
        others = ", ".join(f"{name} by {value:.2g}" for name, value in self.others.items())
        most = f"{self.beyond} by more than {LIMIT} px" if self.beyond else f"none by more than {LIMIT} px"
        return f"{self.compared} keypoints differ by at most {self.pixels:.2g} px from posereg's, {most}; {others}"


def compare(reference: Iterable[Arrays], found: Iterable[Arrays]) -> Parity:
    """Differences of two runs over the same batches. A value that is finite in one alone differs infinitely."""
    largest: dict[str, float] = {}
    count = beyond = 0
    for ours, theirs in zip(reference, found, strict=True):
        for name, expected in ours.items():
            if theirs[name].shape != expected.shape:
                raise ValueError(f"{name}: shape {theirs[name].shape}, not {expected.shape}")
            away = np.abs(theirs[name].astype(np.float64) - expected.astype(np.float64))
            away = np.nan_to_num(np.where(theirs[name] == expected, 0.0, away), nan=np.inf)
            largest[name] = max(largest.get(name, 0.0), float(away.max(initial=0.0)))
            if name in PIXELS:
                worst = away.max(2 if name == "poses" else -1)  # over x and y
                count, beyond = count + worst.size, beyond + int((worst > LIMIT).sum())
    pixels = max(largest.pop(name) for name in PIXELS if name in largest)
    return Parity(pixels, largest, count, beyond)


def outputs(run: Runner, batches: Iterable[np.ndarray]) -> list[Arrays]:  # type: ignore[type-arg]
    """What a runner says of each batch."""
    return [run(batch) for batch in batches]
