"""The cost of targets, integral and decoding compared with the usual implementations, on one thread in one run.

python scripts/bench_codecs.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.codecs.integral import expectation


def milliseconds(function: Callable[[], object], runs: int) -> float:
    function()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def loop_targets(keypoints: np.ndarray, size: int, stride: float, sigma: float) -> torch.Tensor:
    """The usual loader: per sample, one patch pasted per joint (float32, 3-sigma window), then collated."""
    return torch.stack(
        [torch.from_numpy(sample_targets(person, size, stride, sigma)) for person in keypoints]
    )


def sample_targets(keypoints: np.ndarray, size: int, stride: float, sigma: float) -> np.ndarray:
    maps = np.zeros((len(keypoints), size, size), np.float32)
    reach = int(3 * sigma)
    axis = np.arange(2 * reach + 1, dtype=np.float32)
    for k, point in enumerate(keypoints):
        x, y = (int((v - (stride - 1) / 2) / stride + 0.5) for v in point)
        left, top = x - reach, y - reach
        if left >= size or top >= size or x + reach < 0 or y + reach < 0:
            continue
        patch = np.exp(-((axis - reach) ** 2 + (axis[:, None] - reach) ** 2) / (2 * sigma**2))
        x0, x1 = max(0, left), min(size, x + reach + 1)
        y0, y1 = max(0, top), min(size, y + reach + 1)
        maps[k, y0:y1, x0:x1] = patch[y0 - top : y1 - top, x0 - left : x1 - left]
    return maps


def marginal_sums(maps: torch.Tensor) -> torch.Tensor:
    probability = torch.softmax(maps.flatten(2), 2).view_as(maps)
    x = (probability.sum(2) * torch.arange(maps.shape[3])).sum(-1)
    y = (probability.sum(3) * torch.arange(maps.shape[2])).sum(-1)
    return torch.stack([x, y], -1)


def backward(function: Callable[[torch.Tensor], torch.Tensor], maps: torch.Tensor) -> None:
    maps.grad = None
    function(maps).sum().backward()


def main() -> None:
    torch.set_num_threads(1)
    keypoints = torch.rand(64, 16, 2) * 255
    weight = torch.ones(64, 16)
    grid = Grid(64, 64, 4)
    positions = keypoints.numpy()
    np.testing.assert_allclose(
        loop_targets(positions, 64, 4, 2.0), gaussian_maps(keypoints, weight, grid, 2.0)[0], atol=1e-6
    )
    ours = milliseconds(lambda: gaussian_maps(keypoints, weight, grid, 2.0), 50)
    loop = milliseconds(lambda: loop_targets(positions, 64, 4, 2.0), 15)
    print(f"Gaussian targets 64x16x64x64: {ours:.2f} ms, per-sample loop {loop:.2f} ms, {loop / ours:.1f}x")

    maps = torch.randn(128, 16, 64, 64, requires_grad=True)
    ours = milliseconds(lambda: backward(lambda m: expectation(m)[0], maps), 15)
    sums = milliseconds(lambda: backward(marginal_sums, maps), 15)
    print(
        f"integral 128x16x64x64, forward+backward: {ours:.2f} ms, marginal sums {sums:.2f} ms, {sums / ours:.2f}x"
    )

    fixed = maps.detach()
    ours = milliseconds(lambda: argmax_decode(fixed, grid), 30)
    usual = milliseconds(lambda: fixed.flatten(2).max(2), 15)
    print(f"argmax decode 128x16x64x64: {ours:.2f} ms, torch.max {usual:.2f} ms, {usual / ours:.1f}x")


if __name__ == "__main__":
    main()
