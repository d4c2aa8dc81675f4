"""Training samples from pictures and from the crop cache (`loader.cache`), file to collated batch, one thread.

    python scripts/bench_crop_cache.py [--data ../shared/data] [--repeats 7]

- Augmented crops of 256 x 256 of real people, in batches of 32, from `loader.cache` and from the pictures. Then what
  the cache costs a person, in time and disk space, and how far its pixels are on average from those of the pictures.
  Data sets that `--data` lacks are left out.
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

import numpy as np
from bench_data import BATCH, SIZE, data_sets
from measure import against, begin, digits, one_thread, row, spent

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
    one_thread()
    begin(__doc__)
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

            what = f"{name}, {len(poses)} people, from the cache"
            sides = {"from the pictures": partial(batches, pictures, count)}
            against(what, partial(batches, cached, count), sides, asked.repeats, per=count)
            off = np.mean([distance(pictures[0, row], cached[0, row]) for row in range(count)])
            kibibytes = f"{stored / len(poses) / 1024:.0f} KiB"
            row(
                f"{name}, cutting out; disk; pixels off", spent(built), kibibytes, f"{digits(off)} of 255", ""
            )


def batches(dataset: TopDownDataset, count: int) -> None:
    """Every sample of an epoch, batch by batch."""
    for first in range(0, count, BATCH):
        collate([dataset[0, row] for row in range(first, first + BATCH)])


def distance(first: dict[str, Any], second: dict[str, Any]) -> float:
    """Mean difference of two samples' pixels."""
    return float(np.abs(first["image"].astype(int) - second["image"]).mean())


if __name__ == "__main__":
    main()
