"""What reading an annotation file of COCO's size costs: time against parsing its JSON, memory against the arrays.

    python scripts/bench_annotations.py [--images 118287] [--people 262465] [--rounds 3]

- A file with COCO's fields: segmentations, crowds and unlabelled people. It is read in a new process each time:
  `json.loads` of its text, posereg's reader of COCO, and that of a data set of one's own (`source.format: coco-json`);
  the readers for the first time, and again, when the file's columns are kept beside its hash. No picture is there.
- Memory is the largest resident set while the file is read, less that before, when all imports are done. The arrays are
  the bytes of what people and pictures hold in the end: numpy's arrays, and each picture's name as a Python string.
- While a file is read, its columns lie in a temporary file (TMPDIR), a quarter of this one's size, or in what was kept.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import begin, row, spent

CHILD = """
import gc, json, re, sys, time
from pathlib import Path
import numpy as np
from posereg.data.formats import coco, own
from posereg.skeletons.skeleton import COCO
way, path = sys.argv[1], Path(sys.argv[2])
memory = lambda which: 1024 * int(re.search(which + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
from posereg.records import coco_columns
coco_columns.of({"images": []}, "empty")  # what numpy imports when it is first used
np.unique(np.random.default_rng(0).permutation(2))
gc.collect()
Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
before, start, arrays = memory("VmRSS"), time.process_time(), 0
if way == "json":
    json.loads(path.read_text())
else:
    source = {"format": "coco-json", "annotations": path.name, "splits": {"all": 1.0}, "category": "person"}
    poses = (
        coco.read(path.parent, "train2017", path) if way == "coco"
        else own.read(path.parent, "all", name="own", skeleton="coco", source=source)
    )
    columns = [poses.image_ids, poses.person_image, poses.ids, poses.keypoints, poses.visibility, poses.boxes]
    columns += [c for c in poses.extras.values() if c.dtype != object]
    columns = {c.ctypes.data: c for c in columns}.values()  # each once
    arrays = sum(c.nbytes for c in columns) + sum(sys.getsizeof(name) + 8 for name in poses.images)
seconds = time.process_time() - start
print(json.dumps({"seconds": seconds, "memory": memory("VmHWM") - before, "arrays": arrays}))
"""


def write(path: Path, images: int, people: int) -> None:
    """A COCO keypoint file with random people."""
    rng = np.random.default_rng(0)
    names = [f"{number:012d}.jpg" for number in range(1, images + 1)]
    listed = [
        {"license": 3, "file_name": name, "coco_url": f"http://images.example/train2017/{name}", "height": 480,
         "width": 640, "date_captured": "2013-11-14 11:18:45", "id": number}
        for number, name in enumerate(names, 1)
    ]  # fmt: skip
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"info": {}, "licenses": [], "images": ' + json.dumps(listed) + ', "annotations": [')
        for number in range(1, people + 1):
            file.write((", " if number > 1 else "") + json.dumps(_person(number, images, rng)))
        joints = (Path(__file__).parents[1] / "conf/skeleton/coco.yaml").read_text()
        import yaml

        category = {"id": 1, "name": "person", "keypoints": yaml.safe_load(joints)["joints"]}
        file.write('], "categories": ' + json.dumps([category]) + "}")


def _person(number: int, images: int, rng: np.random.Generator) -> dict[str, object]:
    x, y, w, h = (round(float(v), 2) for v in rng.uniform((0, 0, 40, 60), (500, 300, 140, 180)))
    labelled = number % 5 < 3
    points = np.zeros((17, 3), int)
    if labelled:
        seen = rng.choice([0, 1, 2], 17, p=[0.3, 0.1, 0.6])
        points = (
            np.column_stack([rng.integers(x, x + w, 17), rng.integers(y, y + h, 17), seen])
            * (seen > 0)[:, None]
        )
        points[0] = int(x) + 1, int(y) + 1, 2
    outline = np.round(rng.uniform((x, y), (x + w, y + h), (24, 2)), 2).ravel().tolist()
    return {
        "segmentation": [outline], "num_keypoints": int((points[:, 2] > 0).sum()), "area": round(w * h * 0.6, 4),
        "iscrowd": 0, "keypoints": points.ravel().tolist(), "image_id": int(rng.integers(1, images + 1)),
        "bbox": [x, y, w, h], "category_id": 1, "id": number,
    }  # fmt: skip


def measure(way: str, path: Path, cache: Path) -> dict[str, float]:
    """Seconds, peak memory and size of the arrays in bytes, of one reading in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, way, str(path)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "POSEREG_CACHE": str(cache)},
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


WAYS = ("json", "coco", "coco again", "own", "own again")


def measured(path: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Medians of each way."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as kept:
            for way in WAYS:
                reader = way.split()[0]
                found[way].append(measure(reader, path, Path(kept) / reader))
    return {
        way: {key: float(np.median([one[key] for one in times])) for key in times[0]}
        for way, times in found.items()
    }


def cells(way: str, one: dict[str, float], parse: float) -> tuple[str, ...]:
    """A line of the table."""
    share = f"{one['memory'] / one['arrays']:.2f}" if one["arrays"] else ""
    memory = f"{one['memory'] / 2**20:.0f} MiB"
    return way, spent(1000 * one["seconds"]), f"{one['seconds'] / parse:.2f}", memory, share


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=118_287)
    parser.add_argument("--people", type=int, default=262_465)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        path = (options.folder or Path(made)) / "person_keypoints_train2017.json"
        if not path.exists():
            write(path, options.images, options.people)
        size = path.stat().st_size / 2**20
        begin(__doc__, ("way", "cost", "times json.loads's", "memory", "times the arrays"))
        found = measured(path, options.rounds)
    for way, one in found.items():
        row(*cells(way, one, found["json"]["seconds"]))
    print(
        f"\n{size:.0f} MiB, {options.images:,} pictures, {options.people:,} people; arrays of "
        f"{found['coco']['arrays'] / 2**20:.1f} MiB by the reader of COCO."
    )


if __name__ == "__main__":
    main()
