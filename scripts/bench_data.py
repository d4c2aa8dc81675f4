"""One training sample from file to collated batch.

    OMP_NUM_THREADS=1 python scripts/bench_data.py [--data ../shared/data] [--repeats 3]

- posereg's samples: augmented crops of 256 x 256, in batches of 32, of real pictures where `--data` has them, and of
  drawn ones. They are bytes with their keypoints; normalisation, colour and targets are left to the device. The last
  row says what those cost where the device is this CPU.
- Usual: cv2.imread, box crop, albumentations (Resize, Affine, HorizontalFlip, Normalize, ToTensorV2), Gaussian maps
  pasted from one patch, torch's collate. It leaves nothing to the device.
- Usual, as much left: the same without Normalize, ToTensorV2 and maps.
- OpenCV with care: the strongest that is written with OpenCV alone. Decoded at the reduced size that the crop allows,
  one warp with a drawn matrix, keypoints through the same matrix, stacked. It leaves as much as posereg.
- Bare: simplejpeg's fastest decoding of the rows that the crop needs and one warp, with matrices made beforehand; no
  keypoints, random numbers or checks. The bound of what a sample can cost.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2
import numpy as np
import torch
from albumentations.pytorch import ToTensorV2
from measure import begin, milliseconds, one_thread, row, rows, spent

from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.data.formats import coco, lspet, mpii
from posereg.data.formats.paths import missing_images
from posereg.data.modules.base import collate
from posereg.data.samples import jpeg
from posereg.data.samples.augment import Augment, stream
from posereg.data.samples.crop import bottom, sample_matrix
from posereg.data.samples.people import TopDownDataset
from posereg.data.sources.subset import keep_images
from posereg.data.synthetic.make import make
from posereg.methods.base import PoseModule
from posereg.records.poses import PoseSet

SIZE, BATCH, DRAWN = 256, 32, 128
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
Side = Callable[[int], Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of lspet/, coco/ and mpii/")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    one_thread()
    begin(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        for name, poses in data_sets(asked.data):
            rows(f"{name}, {len(poses)} people", measure(poses, asked.repeats))
        make("mpii", folder, DRAWN, size=640)
        poses = mpii.read(folder, "train")
        rows(f"drawn, 640 x 640, {len(poses)} people", measure(poses, asked.repeats))
        row(
            "normalisation, colour and 16 Gaussian maps on this CPU",
            left_over(poses, asked.repeats),
            "",
            "",
            "",
        )


def data_sets(root: Path) -> Iterator[tuple[str, PoseSet]]:
    """Real ones below `root`; of those that are missing it says so."""
    readers: dict[str, Callable[[], PoseSet]] = {
        "LSPET": lambda: lspet.read(root / "lspet", "bench", ranges={"bench": (1, 320)}),
        "COCO": lambda: coco.read(root / "coco", "train"),
        "MPII": lambda: mpii.read(root / "mpii", "valid"),
    }
    for name, read in readers.items():
        if not (root / name.lower()).is_dir():
            print(f"{name}: skipped, {root / name.lower()} is not there", file=sys.stderr)
            continue
        poses = read()
        there = np.ones(len(poses.images), dtype=bool)
        there[missing_images(poses.root, poses.images)] = False
        yield name, keep_images(poses, there)


def measure(poses: PoseSet, repeats: int) -> dict[str, list[float]]:
    """Milliseconds a sample by side, of every batch in every round; the sides take turns batch by batch."""
    default = torch.utils.data.default_collate
    sides: dict[str, tuple[Side, Callable[[list[Any]], object]]] = {
        "": (ours(poses), collate),
        "usual": (usual(poses, whole=True), default),
        "usual, as much left": (usual(poses, whole=False), default),
        "OpenCV with care": (careful(poses), collate),
        "bare": (bare(poses), lambda images: torch.from_numpy(np.stack(images))),
    }
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeats + 1):
        for first in range(0, len(poses) - BATCH + 1, BATCH):
            some = range(first, first + BATCH)
            for name, (side, gather) in sides.items():
                cost = milliseconds(partial(batch, side, gather, some)) / BATCH
                if turn:
                    taken[name].append(cost)
    return taken


def batch(side: Side, gather: Callable[[list[Any]], object], some: range) -> object:
    return gather([side(k) for k in some])


def ours(poses: PoseSet) -> Side:
    dataset = TopDownDataset(poses, (SIZE, SIZE), Augment())
    return lambda k: dataset[0, k]


def usual(poses: PoseSet, whole: bool) -> Side:
    moves = [
        A.Resize(SIZE, SIZE),
        A.Affine(scale=(0.75, 1.25), rotate=(-30, 30), p=1.0),
        A.HorizontalFlip(p=0.5),
    ]
    ends = [A.Normalize(), ToTensorV2()] if whole else []
    transform = A.Compose(
        [*moves, *ends], keypoint_params=A.KeypointParams(format="xy", remove_invisible=False)
    )

    def sample(k: int) -> dict[str, Any]:
        image = cv2.cvtColor(cv2.imread(str(poses.image_path(k))), cv2.COLOR_BGR2RGB)
        x1, y1, x2, y2 = poses.boxes[k]
        side = max(x2 - x1, y2 - y1)
        x, y = round((x1 + x2 - side) / 2), round((y1 + y2 - side) / 2)
        end_x, end_y = x + round(side), y + round(side)
        height, width = image.shape[:2]
        inside = image[max(y, 0) : end_y, max(x, 0) : end_x]
        pads = (max(-y, 0), max(end_y - height, 0), max(-x, 0), max(end_x - width, 0))
        crop = cv2.copyMakeBorder(inside, *pads, cv2.BORDER_CONSTANT)
        made = transform(image=crop, keypoints=poses.keypoints[k] - [x, y])
        keypoints = np.asarray(made["keypoints"], dtype=np.float32)
        visible = poses.visibility[k] > 0
        labels = {"heatmaps": pasted(keypoints, visible)} if whole else {"keypoints": keypoints}
        return {"image": made["image"], "weight": visible.astype(np.float32), **labels}

    return sample


def pasted(keypoints: np.ndarray, visible: np.ndarray, stride: int = 4, sigma: float = 2) -> np.ndarray:
    """Gaussian maps: one patch, pasted at each joint."""
    size, reach = SIZE // stride, int(3 * sigma)
    maps = np.zeros((len(keypoints), size, size), dtype=np.float32)
    grid = np.arange(-reach, reach + 1, dtype=np.float32)
    patch = np.exp(-(grid**2 + grid[:, None] ** 2) / (2 * sigma**2))
    for k, (point, shown) in enumerate(zip(keypoints / stride, visible, strict=True)):
        x, y = int(point[0] + 0.5), int(point[1] + 0.5)
        if not shown or min(x, y) + reach < 0 or max(x, y) - reach >= size:
            continue
        left, top = max(x - reach, 0), max(y - reach, 0)
        right, low = min(x + reach + 1, size), min(y + reach + 1, size)
        maps[k, top:low, left:right] = patch[
            top - y + reach : low - y + reach, left - x + reach : right - x + reach
        ]
    return maps


def careful(poses: PoseSet) -> Side:
    reduced = {
        1: 1,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        8: cv2.IMREAD_REDUCED_COLOR_8,
    }
    paths = [str(poses.image_path(k)) for k in range(len(poses))]
    random, mirror = np.random.default_rng(0), np.array([[-1, 0, SIZE - 1], [0, 1, 0], [0, 0, 1.0]])

    def sample(k: int) -> dict[str, Any]:
        x1, y1, x2, y2 = poses.boxes[k].tolist()
        turn, grown = 30 * random.uniform(-1, 1), random.uniform(0.75, 1.25)
        zoom = SIZE / (grown * max(x2 - x1, y2 - y1))
        matrix = cv2.getRotationMatrix2D(((x1 + x2) / 2, (y1 + y2) / 2), turn, zoom)
        matrix[:, 2] += SIZE / 2 - np.array([(x1 + x2) / 2, (y1 + y2) / 2])
        keypoints, visible = poses.keypoints[k], poses.visibility[k]
        if flipped := random.random() < 0.5:
            matrix = mirror[:2, :2] @ matrix + [[0, 0, SIZE - 1], [0, 0, 0]]
            keypoints, visible = keypoints[poses.skeleton.flip], visible[poses.skeleton.flip]
        factor = 2 ** min(3, max(0, math.floor(-math.log2(zoom))))
        image = cv2.imread(paths[k], reduced[factor] | cv2.IMREAD_IGNORE_ORIENTATION)
        shrunk = matrix @ np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1]])
        crop = cv2.cvtColor(cv2.warpAffine(image, shrunk, (SIZE, SIZE)), cv2.COLOR_BGR2RGB)
        moved = cv2.transform(keypoints[None], matrix)[0]
        return {
            "image": crop,
            "keypoints": moved,
            "visibility": visible,
            "to_image": matrix,
            "flipped": flipped,
        }

    return sample


def bare(poses: PoseSet) -> Side:
    jobs = []
    for k in range(len(poses)):
        matrix = sample_matrix(poses.boxes[k], (SIZE, SIZE), Augment().draw(stream(0, 0, k)))
        shrink = abs(np.linalg.det(matrix[:, :2])) ** -0.5
        factor = 2 ** min(3, max(0, math.floor(math.log2(shrink))))
        shift = matrix[:, :2].sum(1) * (factor - 1) / 2
        moved = np.column_stack([matrix[:, :2] * factor, matrix[:, 2] + shift])
        jobs.append((str(poses.image_path(k)), moved, factor, bottom(matrix, (SIZE, SIZE))))

    def sample(k: int) -> np.ndarray:
        path, moved, factor, low = jobs[k]
        with open(path, "rb") as file:
            pixels = jpeg.decode(file.read(), "", low, factor).pixels
        return cv2.cvtColor(cv2.warpAffine(pixels, moved, (SIZE, SIZE)), cv2.COLOR_RGBA2RGB)

    return sample


def left_over(poses: PoseSet, repeats: int) -> str:
    """What a batch's images and targets cost here, a sample."""
    dataset = TopDownDataset(poses, (SIZE, SIZE), Augment())
    batch = collate([dataset[0, k] for k in range(BATCH)])
    module: Any = SimpleNamespace(mean=torch.full((1, 3, 1, 1), 0.45), std=torch.full((1, 3, 1, 1), 0.22))

    def finish() -> object:
        maps = gaussian_maps(batch["keypoints"], batch["visibility"], Grid(64, 64, 4), 2.0)
        return PoseModule.images(module, batch), maps

    finish()
    return spent(statistics.median(milliseconds(finish) / BATCH for _ in range(repeats)))


if __name__ == "__main__":
    main()
