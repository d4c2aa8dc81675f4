"""Processor time and memory of what holds most: long annotation files and evaluations of COCO's size.

    OMP_NUM_THREADS=1 python scripts/bench_memory.py [--frames 100000] [--images 5000] [--repeats 2]

- Each is done in a process of its own. Time and memory are those of the work alone: the peak of the resident set, less
  what was resident when imports and inputs were there.
- Human3.6M: a file of drawn numbers in the form of `h36m_coco.json`, and its camera axes in one `.npz`; all frames read
  for the first time, and again, when what came of them is kept. The whole set has 1.5 million frames.
- Evaluations: annotations of one to four people an image, 20 results an image; pycocotools does the same.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from measure import WHOLE, begin, whole

from posereg.records.sets_cache import SETTLED

SEQUENCES = ("S1_Directions_1", "S5_Phoning", "S9_Eating", "S11_Walking_1")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    begin(__doc__, WHOLE)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_h36m(root, asked.frames)
        time.sleep(SETTLED + 0.1)  # files that were written a moment ago are not kept
        megabytes = sum(file.stat().st_size for file in root.iterdir()) / 2**20
        of = f"{megabytes:.0f} MiB of files"
        first, again = [], []
        for turn in range(asked.repeats):
            for times in (first, again):
                times.append(child("h36m", folder, cache=root / f"cache{turn}"))
        whole(f"Human3.6M, {asked.frames:,} frames", first, of)
        whole("the same, again", again, of)
        sides = ("posereg", "pycocotools")
        taken = [[child(side, str(asked.images)) for side in sides] for _ in range(asked.repeats)]
        for side, costs in zip(sides, zip(*taken, strict=True), strict=True):
            of = f"{asked.images:,} images, {20 * asked.images:,} results"
            whole(f"evaluation of COCO's size, {side}", costs, of)


def child(*arguments: str, cache: Path | None = None) -> tuple[float, float]:
    """Seconds and megabytes that a job takes in a process of its own."""
    place = {"POSEREG_CACHE": str(cache)} if cache else {}
    command = [sys.executable, "-c", "import sys, bench_memory; bench_memory.job(*sys.argv[1:])", *arguments]
    done = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **place},
        cwd=Path(__file__).parent,
    )
    seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    return seconds, megabytes


def job(name: str, argument: str) -> None:
    """What a child does: print the seconds and megabytes of one job."""
    work = reading(argument) if name == "h36m" else evaluation(name, int(argument))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
    before, start = resident("VmRSS"), time.process_time()
    with open(os.devnull, "w", encoding="ascii") as nowhere, contextlib.redirect_stdout(nowhere):
        work()
    print(json.dumps([time.process_time() - start, resident("VmHWM") - before]))


def resident(which: str) -> float:
    """A line of the process's status, MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(which + r":\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def reading(folder: str) -> Callable[[], object]:
    from posereg.data.formats import h36m

    return lambda: h36m.read(folder, "all")


def evaluation(name: str, images: int) -> Callable[[], object]:
    from bench_evaluation import by_pycocotools
    from cases import coco_case

    from posereg.evaluation import oks

    truth, entries = coco_case(images, 20)
    if name == "posereg":
        return lambda: oks.figures(oks.run(truth, entries, oks.SIGMAS))
    return lambda: by_pycocotools(truth, entries)


def write_h36m(root: Path, frames: int) -> None:
    """Annotations and camera axes of so many frames, four sequences in turn."""
    rng = np.random.default_rng(0)
    per = -(-frames // len(SEQUENCES))
    names = [f"{s}.54138969_{n:06d}.jpg" for s in SEQUENCES for n in range(1, per + 1)][:frames]
    axes = rng.normal(0, 0.4, (frames, 17, 3)) + np.array([0, 0, 5])
    places = [f"{name.split('_')[0]}/{name.rpartition('_')[0]}/{name}" for name in names]
    np.savez(root / "train_body3d.npz", imgname=places, S=np.concatenate([axes, np.ones((frames, 17, 1))], 2))
    for folder in {os.path.dirname(place) for place in places}:
        (root / folder).mkdir(parents=True)
    for place in places:  # empty pictures: reading asks where they lie
        (root / place).touch()
    joints = {"id": 1, "name": "person", "keypoints": [f"joint {k}" for k in range(17)]}
    images = [{"file_name": name, "height": 1002, "width": 1000, "id": k} for k, name in enumerate(names, 1)]
    with open(root / "h36m_coco.json", "w", encoding="ascii") as file:
        file.write(
            f'{{"categories": [{json.dumps(joints)}], "images": {json.dumps(images)}, "annotations": ['
        )
        file.writelines(annotations(axes))
        file.write("]}")


def annotations(axes: np.ndarray) -> Iterator[str]:
    pixels = 500 + 1146 * axes[..., :2] / axes[..., 2:]
    points = np.dstack([pixels, np.ones(pixels.shape[:2])]).reshape(len(axes), -1)
    for k, one in enumerate(points, 1):
        person = {
            "id": k, "category_id": 1, "image_id": k, "iscrowd": 0, "bbox": [264.9, 263.9, 403.4, 403.4],
            "area": 162761.6, "num_keypoints": 17, "keypoints": one.tolist(),
            "keypoints_3d": np.column_stack([axes[k - 1], np.ones(17)]).ravel().tolist(),
        }  # fmt: skip
        yield (", " if k > 1 else "") + json.dumps(person)


if __name__ == "__main__":
    main()
