"""How far an exported model is from posereg."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from posereg.export.engines import Arrays, Runner

LIMIT = 0.01  # input pixels, in float32
TIE = 1e-5  # relative difference of two values of a map that rounding may swap
TIES = 0.05  # share of keypoints that may lie on ties; were it more, the decoding would be another
PIXELS = ("keypoints", "poses")


class Parity(NamedTuple):
    """Largest differences over all images.

    Attributes:
        pixels: of keypoints, or of the poses that bottom-up maps hold, in input pixels.
        others: of every other output, by name.
        compared: how many keypoints.
        beyond: how many of them differ by more than LIMIT pixels.
        tied: keypoints left out: two cells of their map are equally high to rounding, either may be its maximum.
    """

    pixels: float
    others: dict[str, float]
    compared: int
    beyond: int
    tied: int = 0

    @property
    def same(self) -> bool:
        """Whether it is posereg's model: no keypoint beyond the limit, few ties."""
        return not self.beyond and self.tied <= TIES * (self.compared + self.tied)

    def text(self) -> str:
        """One line."""
        others = ", ".join(f"{name} by {value:.2g}" for name, value in self.others.items())
        most = f"{self.beyond} by more than {LIMIT} px" if self.beyond else f"none by more than {LIMIT} px"
        ties = f", {self.tied} lie on ties of their map's maximum" if self.tied else ""
        distance = f"{self.compared} keypoints differ by at most {self.pixels:.2g} px from posereg's"
        return f"{distance}, {most}{ties}; {others}"


def compare(reference: Iterable[Arrays], found: Iterable[Arrays], maxima: bool = False) -> Parity:
    """Differences of two runs over the same batches. A value that is finite in one alone differs infinitely.

    Args:
        maxima: keypoints are cells with the highest value, their scores. Where the other run names another cell of
            just that value, both are right.
    """
    largest: dict[str, float] = {}
    count = beyond = tied = 0
    for ours, theirs in zip(reference, found, strict=True):
        for name, expected in ours.items():
            if theirs[name].shape != expected.shape:
                raise ValueError(f"{name}: shape {theirs[name].shape}, not {expected.shape}")
            away = np.abs(theirs[name].astype(np.float64) - expected.astype(np.float64))
            away = np.nan_to_num(np.where(theirs[name] == expected, 0.0, away), nan=np.inf)
            if maxima and name == "keypoints":
                tie = (away.max(-1) > LIMIT) & np.isclose(theirs["scores"], ours["scores"], rtol=TIE, atol=0)
                away, tied = away[~tie], tied + int(tie.sum())
            largest[name] = max(largest.get(name, 0.0), float(away.max(initial=0.0)))
            if name in PIXELS:
                worst = away.max(2 if name == "poses" else -1)  # over x and y
                count, beyond = count + worst.size, beyond + int((worst > LIMIT).sum())
    pixels = max(largest.pop(name) for name in PIXELS if name in largest)
    return Parity(pixels, largest, count, beyond, tied)


def outputs(run: Runner, batches: Iterable[np.ndarray]) -> list[Arrays]:  # type: ignore[type-arg]
    """What a runner says of each batch."""
    return [run(batch) for batch in batches]
