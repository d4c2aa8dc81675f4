"""The cost of targets, reading and suppression of maps.

    OMP_NUM_THREADS=1 python scripts/bench_codecs.py [--repeats 11]

- Targets are Gaussians of 2 cells, cut at 3, of 64 people on 64 x 64 maps. posereg makes them as one batch on the
  device, here the CPU. The usual loader computes a patch a joint and collates; its window is the same constant for
  every joint, so a patch made once and pasted, and an outer product of profiles a person, stand beside it. Loaders
  leave nothing of this to the device; posereg leaves it all, and spares the transfer of the maps.
- Integral: forward and backward, of 128 people. Usual: sums over rows and columns under autograd; with one product:
  softmax, then one matrix product with all positions. Volume: one person's 64 x 64 x 64 cells a joint.
- Argmax: usual is `torch.max`; `np.argmax` and `np.take_along_axis` are what posereg comes to on a CPU.
- DARK: usual is the loop of its code over people and joints with OpenCV's blur, and a Hessian a joint; blurring all
  maps of a person in one call is its strongest plain form. Blurring by torch's convolutions, without the step between
  cells, is what posereg did before.
- Suppression: the largest value of windows of 5 x 5, over the 17 maps of one picture of 512 x 512 pixels; usual is
  `max_pool2d`. posereg takes OpenCV's dilation on a CPU, and the maximum of shifted maps elsewhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import cv2
import numpy as np
import torch
from measure import against, begin, one_thread
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.dark import dark_decode
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.codecs.integral import expectation
from posereg.codecs.volume import integral3d
from posereg.inference.grouping import by_shifts, window_max

GRID, SIGMA, REACH = Grid(64, 64, 4), 2.0, 6
AXIS = np.arange(-REACH, REACH + 1, dtype=np.float32)
PATCH = np.exp(-(AXIS**2 + AXIS[:, None] ** 2) / (2 * SIGMA**2))
Floats = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=11)
    repeats = parser.parse_args().repeats
    one_thread()
    torch.manual_seed(0)
    begin(__doc__)
    for bench in (targets, integral, volume, argmax, dark, suppression):
        bench(repeats)


def targets(repeats: int) -> None:
    keypoints, weight = torch.rand(64, 16, 2) * 255, torch.ones(64, 16)
    people = keypoints.numpy()
    sides: dict[str, Callable[[], Tensor]] = {
        "usual: a patch a joint": lambda: collated(pasted(person, None) for person in people),
        "one patch, pasted": lambda: collated(pasted(person, PATCH) for person in people),
        "outer product a person": lambda: collated(outer(person) for person in people),
    }

    def ours() -> Tensor:
        return gaussian_maps(keypoints, weight, GRID, SIGMA)[0]

    for side in sides.values():
        torch.testing.assert_close(side(), ours(), atol=1e-6, rtol=0)
    against("targets of 64 people, 16 joints", ours, sides, repeats, times=3)


def collated(samples) -> Tensor:  # type: ignore[no-untyped-def]
    return torch.utils.data.default_collate([torch.from_numpy(sample) for sample in samples])


def cells(keypoints: Floats) -> NDArray[np.int64]:
    return np.floor((keypoints - 1.5) / 4 + 0.5).astype(np.int64)


def pasted(keypoints: Floats, patch: Floats | None) -> Floats:
    """Maps of one person: `patch` at each joint, computed anew where there is none."""
    size = GRID.width
    maps = np.zeros((len(keypoints), size, size), np.float32)
    for k, (x, y) in enumerate(cells(keypoints).tolist()):
        left, top = x - REACH, y - REACH
        if left >= size or top >= size or x + REACH < 0 or y + REACH < 0:
            continue
        bell = np.exp(-(AXIS**2 + AXIS[:, None] ** 2) / (2 * SIGMA**2)) if patch is None else patch
        x0, x1 = max(0, left), min(size, x + REACH + 1)
        y0, y1 = max(0, top), min(size, y + REACH + 1)
        maps[k, y0:y1, x0:x1] = bell[y0 - top : y1 - top, x0 - left : x1 - left]
    return maps


def outer(keypoints: Floats) -> Floats:
    """Maps of one person: of every joint a profile of its column times one of its row."""
    distance = np.arange(GRID.width, dtype=np.float32) - cells(keypoints)[..., None].astype(np.float32)
    profile = np.exp(distance**2 / (-2 * SIGMA**2)) * (np.abs(distance) <= REACH)
    product: Floats = profile[:, 1, :, None] * profile[:, 0, None, :]
    return product


def integral(repeats: int) -> None:
    maps = torch.randn(128, 16, 64, 64, requires_grad=True)
    across = torch.arange(64, dtype=torch.float32)
    places = torch.stack(torch.meshgrid(across, across, indexing="xy"), -1).flatten(0, 1)

    def sums(maps: Tensor) -> Tensor:
        probability = torch.softmax(maps.flatten(2), 2).view_as(maps)
        return torch.stack([(probability.sum(axis) * across).sum(-1) for axis in (2, 3)], -1)

    def product(maps: Tensor) -> Tensor:
        return torch.softmax(maps.flatten(2), 2) @ places

    sides = {"usual: sums of rows and columns": sums, "one product": product}
    calls = learning(lambda maps: expectation(maps)[0], sides, maps)
    against("integral of 128 people, forward and backward", *calls, repeats)


def volume(repeats: int) -> None:
    maps = torch.randn(1, 18, 64, 64, 64, requires_grad=True)
    along = torch.arange(64, dtype=torch.float32)
    z, y, x = torch.meshgrid(along, along, along, indexing="ij")
    places = torch.stack([x, y, z], -1).flatten(0, 2)

    def sums(maps: Tensor) -> Tensor:
        probability = torch.softmax(maps.flatten(2), 2).view_as(maps)
        axes = ((2, 3), (2, 4), (3, 4))
        return torch.stack([(probability.sum(others) * along).sum(-1) for others in axes], -1)

    def product(maps: Tensor) -> Tensor:
        return torch.softmax(maps.flatten(2), 2) @ places

    sides = {"usual: sums of axes": sums, "one product": product}
    calls = learning(integral3d, sides, maps)
    against("integral of a volume, 18 joints, forward and backward", *calls, repeats)


def learning(
    ours: Callable[[Tensor], Tensor], others: dict[str, Callable[[Tensor], Tensor]], maps: Tensor
) -> tuple[Callable[[], Tensor], dict[str, Callable[[], Tensor]]]:
    """Forward and backward of each side, once they are seen to give the same gradient."""

    def step(function: Callable[[Tensor], Tensor]) -> Callable[[], Tensor]:
        return lambda: torch.autograd.grad(function(maps).square().sum(), maps)[0]

    calls = {name: step(function) for name, function in others.items()}
    for call in calls.values():
        torch.testing.assert_close(call(), step(ours)(), atol=1e-3, rtol=1e-3)
    return step(ours), calls


def argmax(repeats: int) -> None:
    maps = torch.randn(128, 16, 64, 64)

    def plain() -> Floats:
        flat = maps.numpy().reshape(128, 16, -1)
        best = flat.argmax(2)
        value = np.take_along_axis(flat, best[..., None], 2)
        return np.concatenate([np.stack([best % 64, best // 64], -1) * 4 + 1.5, value], -1)

    others = {"usual: torch.max": lambda: maps.flatten(2).max(2), "numpy": plain}
    against("argmax of 128 people, 16 joints", lambda: argmax_decode(maps, GRID), others, repeats, times=3)


def dark(repeats: int) -> None:
    maps = gaussian_maps(torch.rand(32, 16, 2) * 180 + 40, torch.ones(32, 16), GRID, SIGMA)[0]
    maps = maps + 0.02 * torch.rand(maps.shape)

    def plain(together: bool) -> Floats:
        found = np.empty((*maps.shape[:2], 2), np.float32)
        for places, person in zip(found, maps.numpy(), strict=True):
            if together:
                blurred = cv2.GaussianBlur(np.ascontiguousarray(person.transpose(1, 2, 0)), (11, 11), 0)
                smooth = np.log(np.maximum(blurred, 1e-10)).transpose(2, 0, 1)
            else:
                smooth = np.stack(
                    [np.log(np.maximum(cv2.GaussianBlur(m, (11, 11), 0), 1e-10)) for m in person]
                )
            for place, flat, log in zip(places, person.reshape(len(person), -1), smooth, strict=True):
                row, column = divmod(int(flat.argmax()), GRID.width)
                place[:] = column, row
                if 1 < column < GRID.width - 2 and 1 < row < GRID.height - 2:
                    place += newton(log, row, column)
        return found * 4 + 1.5

    def convolved() -> Tensor:
        kernel = torch.softmax(-0.5 * (torch.arange(-6.0, 7.0) / SIGMA) ** 2, 0)
        flat = maps.flatten(0, 1)[:, None]
        across = functional.conv2d(flat, kernel[None, None, None], padding=(0, 6))
        smooth = functional.conv2d(across, kernel[None, None, :, None], padding=(6, 0))
        return argmax_decode(smooth.view(maps.shape).log(), GRID)[0]

    found = dark_decode(maps, GRID, SIGMA)[0]
    for near in (torch.from_numpy(plain(True)), convolved()):
        torch.testing.assert_close(found, near, atol=3, rtol=0)  # pixels; of a cell's 4
    others: dict[str, Callable[[], object]] = {
        "usual: a blur a joint": lambda: plain(False),
        "a blur a person": lambda: plain(True),
        "torch's convolutions": convolved,
    }
    against("DARK of 32 people, 16 joints", lambda: dark_decode(maps, GRID, SIGMA), others, repeats)


def newton(log: Floats, r: int, c: int) -> Floats:
    """The step to the top of the parabola through `log`, as DARK's code takes it."""
    dx, dy = (log[r, c + 1] - log[r, c - 1]) / 2, (log[r + 1, c] - log[r - 1, c]) / 2
    dxx = (log[r, c + 2] - 2 * log[r, c] + log[r, c - 2]) / 4
    dyy = (log[r + 2, c] - 2 * log[r, c] + log[r - 2, c]) / 4
    dxy = (log[r + 1, c + 1] - log[r - 1, c + 1] - log[r + 1, c - 1] + log[r - 1, c - 1]) / 4
    if dxx * dyy == dxy**2:
        return np.zeros(2, np.float32)
    step: Floats = -np.linalg.inv(np.array([[dxx, dxy], [dxy, dyy]])) @ np.array([dx, dy])
    return step


def suppression(repeats: int) -> None:
    maps = torch.rand(17, 128, 128)
    sides: dict[str, Callable[[], Tensor]] = {
        "usual: max_pool2d": lambda: functional.max_pool2d(maps[None], 5, 1, 2)[0],
        "shifted maps, as on a GPU": lambda: by_shifts(maps, 2),
    }
    for side in sides.values():
        assert torch.equal(side(), window_max(maps, 2))
    against("suppression, 17 maps of 128 x 128", lambda: window_max(maps, 2), sides, repeats, times=5)


if __name__ == "__main__":
    main()
