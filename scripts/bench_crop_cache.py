"""Training samples from pictures and from the crop cache (`loader.cache`), file to collated batch, one thread.

    python scripts/bench_crop_cache.py [--data ../shared/data] [--repeats 7]

Augmented crops of 256x256 of real MPII, COCO and LSPET people, in batches of 32, both sides by turns: processor time,
the median of the ratios with its spread. Then what the cache costs, in time and disk space a person, and how far its
crops lie from those of the pictures.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import torch
from bench_data import BATCH, SIZE, data_sets
from measure import compare, machine, peak

from posereg.data.modules.base import collate
from posereg.data.samples.augment import Augment
from posereg.data.samples.cuts import Cuts
from posereg.data.samples.people import TopDownDataset


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--repeats", type=int, default=7)
    asked = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    print(f"{machine()}, one thread, {asked.repeats} repeats; ms a sample")
    for name, poses in data_sets(asked.data):
        with tempfile.TemporaryDirectory() as folder:
            size, augment = (SIZE, SIZE), Augment()
            cuts = Cuts(folder, poses, size, augment)
            start = time.process_time()
            cuts.build()
            built = 1000 * (time.process_time() - start) / len(poses)
            stored = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
            pictures = TopDownDataset(poses, size, augment)
            cached = TopDownDataset(poses, size, augment, cuts=cuts)
            count = len(poses) // BATCH * BATCH

            what = f"{name}, {len(poses)} people"
            compare(
                what,
                partial(batches, pictures, count),
                partial(batches, cached, count),
                asked.repeats,
                per=count,
            )
            off = np.mean([distance(pictures[0, row], cached[0, row]) for row in range(count)])
            print(
                f"{name}: built in {built:.2f} ms and {stored / len(poses) / 1024:.0f} KiB a person; off by "
                f"{off:.2f} of 255 on average"
            )
    print(peak())


def batches(dataset: TopDownDataset, count: int) -> None:
    """Every sample of an epoch, batch by batch."""
    for first in range(0, count, BATCH):
        collate([dataset[0, row] for row in range(first, first + BATCH)])


def distance(first: dict[str, Any], second: dict[str, Any]) -> float:
    """Mean difference of two samples' pixels."""
    return float(np.abs(first["image"].astype(int) - second["image"]).mean())


if __name__ == "__main__":
    main()
