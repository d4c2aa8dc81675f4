"""One training sample from file to collated batch, one thread: ours, a typical pipeline, and a bare floor.

    python scripts/bench_data.py [--data ../shared/data] [--out docs/benchmarks/data.md] [--turbojpeg libturbojpeg.so]

- ours: `posereg.data.modules.topdown`, augmented, 256x256, batches of 32.
- typical: cv2.imread, box crop, albumentations (Resize, Affine, HorizontalFlip, Normalize, ToTensorV2), Gaussian heat
  maps in numpy, torch collate.
- bare: decode and one warpAffine with the same matrices, stacked; no keypoints, no random numbers, no checks.
  Decoded whole at the reduced scale the crop allows; or only the rows down to the crop's end (as ours); or, with
  --turbojpeg, by libturbojpeg >= 3 the region alone, which no Python package offers: for comparison.

The sides take turns batch by batch; of each sample the best of nine rounds counts, since other work on the machine
can only add. Machines drift, so read the ratios.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2
import numpy as np
import simplejpeg
import torch
from albumentations.pytorch import ToTensorV2

from posereg.data.formats import coco, lspet, mpii
from posereg.data.formats.paths import missing_images
from posereg.data.modules.base import collate
from posereg.data.samples import jpeg
from posereg.data.samples.augment import Augment, stream
from posereg.data.samples.crop import sample_matrix
from posereg.data.samples.people import TopDownDataset
from posereg.data.sources.subset import keep_images
from posereg.files import whole_file
from posereg.records.poses import PoseSet

SIZE, BATCH, ROUNDS = 256, 32, 9
FLOORS = {"LSPET": 3.0, "COCO": 2.0, "MPII": 1.8}
BARE_FLOOR = 1.25
SIDES = ("ours", "typical", "bare, scaled", "bare, rows", "bare, region")

Side = Callable[[int], Any]


def data_sets(root: Path) -> Iterator[tuple[str, PoseSet]]:
    yield "LSPET", lspet.read(root / "lspet", "bench", ranges={"bench": (1, 320)})
    yield "COCO", coco.read(root / "coco", "train")
    poses = mpii.read(root / "mpii", "valid")
    there = np.ones(len(poses.images), dtype=bool)
    there[missing_images(poses.root, poses.images)] = False
    yield "MPII", keep_images(poses, there)


def ours(poses: PoseSet) -> Side:
    dataset = TopDownDataset(poses, (SIZE, SIZE), Augment())
    return lambda row: dataset[(0, row)]


def typical(poses: PoseSet) -> Side:
    transform = A.Compose(
        [
            A.Resize(SIZE, SIZE),
            A.Affine(scale=(0.75, 1.25), rotate=(-30, 30), p=1.0),
            A.HorizontalFlip(p=0.5),
            A.Normalize(),
            ToTensorV2(),
        ],
        keypoint_params=A.KeypointParams(format="xy", remove_invisible=False),
    )

    def sample(row: int) -> dict[str, Any]:
        image = cv2.cvtColor(cv2.imread(str(poses.image_path(row))), cv2.COLOR_BGR2RGB)
        x1, y1, x2, y2 = poses.boxes[row]
        side = max(x2 - x1, y2 - y1)
        x, y = round((x1 + x2 - side) / 2), round((y1 + y2 - side) / 2)
        end_x, end_y = x + round(side), y + round(side)
        height, width = image.shape[:2]
        inside = image[max(y, 0) : end_y, max(x, 0) : end_x]
        pads = (max(-y, 0), max(end_y - height, 0), max(-x, 0), max(end_x - width, 0))
        crop = cv2.copyMakeBorder(inside, *pads, cv2.BORDER_CONSTANT)
        made = transform(image=crop, keypoints=poses.keypoints[row] - [x, y])
        keypoints = np.asarray(made["keypoints"], dtype=np.float32)
        visible = poses.visibility[row] > 0
        return {
            "image": made["image"],
            "heatmaps": torch.from_numpy(heatmaps(keypoints, visible)),
            "weight": torch.from_numpy(visible.astype(np.float32)),
        }

    return sample


def heatmaps(keypoints: np.ndarray, visible: np.ndarray, stride: int = 4, sigma: float = 2) -> np.ndarray:
    """The usual loop: a Gaussian patch for each joint."""
    size, reach = SIZE // stride, int(3 * sigma)
    maps = np.zeros((len(keypoints), size, size), dtype=np.float32)
    grid = np.arange(2 * reach + 1, dtype=np.float32)
    patch = np.exp(-((grid - reach) ** 2 + (grid[:, None] - reach) ** 2) / (2 * sigma**2))
    for k, (point, shown) in enumerate(zip(keypoints / stride, visible, strict=True)):
        x, y = int(point[0] + 0.5), int(point[1] + 0.5)
        if not shown or x + reach < 0 or y + reach < 0 or x - reach >= size or y - reach >= size:
            continue
        left, top = max(x - reach, 0), max(y - reach, 0)
        right, low = min(x + reach + 1, size), min(y + reach + 1, size)
        maps[k, top:low, left:right] = patch[
            top - y + reach : low - y + reach, left - x + reach : right - x + reach
        ]
    return maps


Decode = Callable[[bytes, tuple[float, float, float, float], int], tuple[np.ndarray, int, int]]


def bare(poses: PoseSet, decode: Decode) -> Side:
    """Matrices, paths and regions are worked out beforehand."""
    jobs = []
    for row in range(len(poses)):
        matrix = sample_matrix(poses.boxes[row], (SIZE, SIZE), Augment().draw(stream(0, 0, row)))
        linear = matrix[:, :2]
        corners = np.array([[0, 0], [SIZE, 0], [0, SIZE], [SIZE, SIZE]]) - 0.5
        points = (corners - matrix[:, 2]) @ np.linalg.inv(linear).T
        shrink = abs(np.linalg.det(linear)) ** -0.5
        factor = 2 ** min(3, max(0, math.floor(math.log2(shrink))))
        x1, y1 = points.min(axis=0)
        x2, y2 = points.max(axis=0)
        jobs.append((str(poses.image_path(row)), matrix, factor, (x1, y1, x2, y2)))

    def sample(row: int) -> np.ndarray:
        path, matrix, factor, box = jobs[row]
        with open(path, "rb") as file:
            data = file.read()
        pixels, left, top = decode(data, box, factor)
        (a, b, tx), (c, d, ty) = matrix.tolist()
        u, v = factor * (left + 0.5) - 0.5, factor * (top + 0.5) - 0.5
        moved = np.array(
            [[a * factor, b * factor, a * u + b * v + tx], [c * factor, d * factor, c * u + d * v + ty]]
        )
        return cv2.cvtColor(cv2.warpAffine(pixels, moved, (SIZE, SIZE)), cv2.COLOR_RGBA2RGB)

    return sample


def whole(data: bytes, box: tuple[float, ...], factor: int) -> tuple[np.ndarray, int, int]:
    """The whole image at reduced scale."""
    size = {}
    if factor > 1:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        size = {"min_width": width // factor, "min_height": height // factor, "min_factor": factor}
    return simplejpeg.decode_jpeg(data, "RGBX", fastdct=True, fastupsample=True, **size), 0, 0


def rows(data: bytes, box: tuple[float, ...], factor: int) -> tuple[np.ndarray, int, int]:
    """The rows down to the box's end."""
    return jpeg.decode(data, "", box[3], factor).pixels, 0, 0


class _Region(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in "xywh"]


class _Scale(ctypes.Structure):
    _fields_ = [("num", ctypes.c_int), ("denom", ctypes.c_int)]


def region_decoder(library: str) -> Decode:
    """Partial decode by libturbojpeg >= 3: (bytes, box in full pixels, factor) -> RGBX, left, top (reduced pixels)."""
    turbo = ctypes.CDLL(library)
    turbo.tj3Init.restype = ctypes.c_void_p
    turbo.tj3GetErrorStr.restype = ctypes.c_char_p
    handle = ctypes.c_void_p(turbo.tj3Init(1))
    for fast in (9, 10):  # TJPARAM_FASTUPSAMPLE, TJPARAM_FASTDCT
        turbo.tj3Set(handle, fast, 1)

    def decode(
        data: bytes, box: tuple[float, float, float, float], factor: int
    ) -> tuple[np.ndarray, int, int]:
        length = ctypes.c_size_t(len(data))
        turbo.tj3DecompressHeader(handle, data, length)
        width, height = (-(-turbo.tj3Get(handle, k) // factor) for k in (5, 6))
        block = (8, 16, 16, 8, 8, 32, 8)[turbo.tj3Get(handle, 4)] // factor or 1
        turbo.tj3SetScalingFactor(handle, _Scale(1, factor))
        x1, y1, x2, y2 = (value / factor for value in box)
        left, top = int(min(max(0, x1 - 1), width - 1)) // block * block, int(min(max(0, y1 - 1), height - 1))
        right, low = (
            min(width, max(math.ceil(x2) + 2, left + 1)),
            min(height, max(math.ceil(y2) + 2, top + 1)),
        )
        if turbo.tj3SetCroppingRegion(handle, _Region(left, top, right - left, low - top)):
            raise SystemExit(turbo.tj3GetErrorStr(handle).decode())
        pixels = np.empty((low - top, right - left, 4), dtype=np.uint8)
        if turbo.tj3Decompress8(handle, data, length, pixels.ctypes.data_as(ctypes.c_void_p), 0, 3):
            raise SystemExit(turbo.tj3GetErrorStr(handle).decode())
        turbo.tj3SetCroppingRegion(handle, _Region(0, 0, 0, 0))
        return pixels, left, top

    return decode


def measure(poses: PoseSet, library: str | None) -> dict[str, float]:
    """Milliseconds a sample by side, its share of the collating included."""

    def stack(images: list[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(images))

    sides: dict[str, tuple[Side, Callable[[list[Any]], Any]]] = {
        "ours": (ours(poses), collate),
        "typical": (typical(poses), torch.utils.data.default_collate),
        "bare, scaled": (bare(poses, whole), stack),
        "bare, rows": (bare(poses, rows), stack),
    }
    if library:
        sides["bare, region"] = (bare(poses, region_decoder(library)), stack)
    firsts = range(0, len(poses) - BATCH + 1, BATCH)
    best = {name: np.full((len(firsts), BATCH + 1), np.inf) for name in sides}
    for _ in range(ROUNDS):
        for number, first in enumerate(firsts):
            for name, (side, gather) in sides.items():
                spent = batch_times(side, gather, first)
                best[name][number] = np.minimum(best[name][number], spent)
    return {name: float(times.sum(axis=1).mean()) / BATCH * 1e3 for name, times in best.items()}


def batch_times(side: Side, gather: Callable[[list[Any]], Any], first: int) -> np.ndarray:
    """Seconds of each of a batch's samples, then of the collating."""
    spent, samples = np.empty(BATCH + 1), []
    for k in range(BATCH):
        start = time.perf_counter()
        samples.append(side(first + k))
        spent[k] = time.perf_counter() - start
    start = time.perf_counter()
    gather(samples)
    spent[BATCH] = time.perf_counter() - start
    return spent


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--turbojpeg", help="libturbojpeg >= 3, for the region decode of the bare side")
    parser.add_argument("--out", type=Path, help="write the table as Markdown")
    options = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    lines, met = [], True
    for name, poses in data_sets(options.data):
        times = measure(poses, options.turbojpeg)
        floor = min(times["bare, scaled"], times["bare, rows"])
        faster, over = times["typical"] / times["ours"], times["ours"] / floor
        good = faster >= FLOORS[name] and over <= BARE_FLOOR
        met &= good
        values = [f"{times[side]:.2f}" if side in times else "-" for side in SIDES]
        verdict = "met" if good else "MISSED"
        lines.append(
            f"| {name} ({len(poses)} people) | {' | '.join(values)} | {faster:.1f}x (floor {FLOORS[name]:g}x) "
            f"| {over:.2f}x (floor {BARE_FLOOR}x) | {verdict} |"
        )
        print(lines[-1], flush=True)
    if options.out:
        write(options.out, lines)
    return 0 if met else 1


def write(path: Path, lines: list[str]) -> None:
    assert __doc__ is not None
    info = Path("/proc/cpuinfo")
    described = info.read_text().splitlines() if info.exists() else []
    cpu = next((row.split(":")[1].strip() for row in described if "model name" in row), platform.machine())
    text = [
        "# A training sample, file to collated batch",
        "",
        "Milliseconds a sample at 256x256, one thread; real images.",
        "`python scripts/bench_data.py --out docs/benchmarks/data.md` writes this page.",
        f"Machine: {cpu}, one core; Python {platform.python_version()}, OpenCV {cv2.__version__}, simplejpeg "
        f"{simplejpeg.__version__}, albumentations {A.__version__}.",
        "",
        f"| images | {' | '.join(SIDES)} | against typical | against bare | |",
        "|---|---|---|---|---|---|---|---|---|",
        *lines,
        "",
        *__doc__.split("\n\n", 2)[2].strip().splitlines(),
        "",
    ]
    with whole_file(path) as temporary:
        temporary.write_text("\n".join(text))


if __name__ == "__main__":
    raise SystemExit(main())
