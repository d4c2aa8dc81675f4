"""What reading an annotation file of COCO's size costs: time against parsing its JSON, memory against the arrays.

    python scripts/bench_annotations.py [--images 64000] [--people 150000] [--folder DIR]

Writes a file with COCO's fields (segmentations, crowds, unlabelled people), then reads it, each time in a new process:
`json.loads` of the text, posereg's reader of COCO, that of a data set of one's own, and both once more. Time is the
CPU's, memory the process's peak above what it had after the imports; the arrays are what the people and pictures hold
in the end. No picture is there, so none is opened.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

CHILD = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
from posereg.data.formats import coco, own
from posereg.skeletons.skeleton import COCO
way, path = sys.argv[1], Path(sys.argv[2])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
import posereg.records.coco_columns
before, start, arrays = peak(), time.process_time(), 0
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
    arrays = sum(c.nbytes for c in columns) + sum(sys.getsizeof(name) + 8 for name in poses.images)
seconds = time.process_time() - start
print(json.dumps({"seconds": seconds, "memory": peak() - before, "arrays": arrays}))
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


def measure(way: str, path: Path) -> dict[str, float]:
    """Seconds, peak memory and size of the arrays in bytes, of one reading in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, way, str(path)], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=64_000)
    parser.add_argument("--people", type=int, default=150_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        path = (options.folder or Path(made)) / "person_keypoints_train2017.json"
        if not path.exists():
            write(path, options.images, options.people)
        print(f"{path.stat().st_size / 2**20:.0f} MiB, {options.images} images, {options.people} people")
        parse = measure("json", path)
        print(f"{'json.loads':<14} {parse['seconds']:6.2f} s          {parse['memory'] / 2**20:7.0f} MiB")
        for way in ("coco", "coco", "own", "own"):
            found = measure(way, path)
            print(
                f"{way:<14} {found['seconds']:6.2f} s  x {found['seconds'] / parse['seconds']:.2f}  "
                f"{found['memory'] / 2**20:7.0f} MiB  x {found['memory'] / found['arrays']:.2f} of the arrays "
                f"({found['arrays'] / 2**20:.0f} MiB)"
            )


if __name__ == "__main__":
    main()
