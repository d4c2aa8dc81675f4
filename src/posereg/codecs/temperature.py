"""The temperature at which a softmax over given heat maps points to the joints (integral paper, Eq. 5).

A softmax needs logits. Maps that were trained to peak at 1 are none: their softmax is almost uniform and its
expectation is the map's centre. Multiplied by the right factor they serve as they are
(docs/papers/integral.md#integral-of-a-gaussian).
"""

from __future__ import annotations

from torch import Tensor

from posereg.codecs.grid import Grid
from posereg.codecs.integral import expectation

# Candidates, half an octave apart. Beyond the last one the expectation is the argmax, on any map.
BETAS: tuple[float, ...] = tuple(2.0 ** (k / 2) for k in range(-4, 21))
# A distance beyond this many cells is a miss, however far.
MISS = 2.0
# How much of that a lower factor may cost. On training people, whose maps are clearer than others', every higher
# factor still gains a little, up to the argmax, whose gradient teaches nothing.
SLACK = 0.005


def fitting_beta(maps: Tensor, keypoints: Tensor, weight: Tensor, grid: Grid) -> float:
    """The factor on the maps at which most expectations lie at their joints.

    Not the one of the smallest mean distance: a low factor keeps the many misses half-way to the centre, at the
    expense of the joints that were found.

    Args:
        maps: (N, K, H, W).
        keypoints: (N, K, 2) input pixels.
        weight: (N, K), 0 for joints that do not count. If none counts, the factor is 1.

    Returns:
        The lowest of BETAS whose mean distance, where a miss counts as MISS cells, is the smallest to within SLACK of
        a miss.
    """
    counts = weight > 0
    if not counts.any():
        return 1.0
    target = grid.cells(keypoints)[counts]

    def distance(beta: float) -> float:
        far: Tensor = (expectation(maps, beta)[0][counts] - target).norm(dim=-1)
        return float(far.clamp(max=MISS).mean())

    distances = [distance(beta) for beta in BETAS]
    enough = min(distances) + SLACK * MISS
    return next(beta for beta, value in zip(BETAS, distances, strict=True) if value <= enough)
