"""How costs grow with what there is more of.

    OMP_NUM_THREADS=1 RAYON_NUM_THREADS=1 python scripts/bench_scaling.py [--repeats 3] [--runs 500,1000,2000]

- Each row does the same at three sizes or more, in turns, and says the median processor time of each. The exponent is
  the slope of a line through the logarithms, by least squares: 1 is linear, below 1 there is a part that does not grow.
- Runs and pictures to predict are whole processes, with their start-up; their exponent is that of the cost beyond a
  process with one picture, or with the eight runs of one seed. All else is within this process.
- OKS-NMS looks at every pair of a picture's poses, of which there are the square of their number. Pairs could be left
  out: where the OKS exceeds 0.9, of any two joints one lies near in both poses. Looking up the neighbours of two joints
  alone was tried: for 10, 30 and 90 poses of 3, 10 and 30 people it takes 1.6, 1.1 and 0.7 times as long (exponent
  1.3), and for 90 poses of five people 3.4 times. All pairs of 90 poses take less than half a millisecond.
- Maps stay below 32 MiB: larger ones come anew from the system each time they are made (glibc), which costs ten times
  what filling them does, with any code.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("RAYON_NUM_THREADS", "1")

import bench_annotations
import bench_bottomup
import numpy as np
import torch
from bench_commands import ROOT, copy_runs, run
from bench_memory import write_h36m
from cases import coco_case, made, nms_case
from measure import SCALED, begin, grown, grows, one_thread

from posereg.codecs import art
from posereg.codecs.argmax import argmax_decode
from posereg.codecs.dark import dark_decode
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.codecs.integral import integral_decode
from posereg.data.formats import coco, h36m
from posereg.data.synthetic.make import make
from posereg.evaluation import oks, pckh
from posereg.inference.nms import oks_nms
from posereg.skeletons.skeleton import COCO, MPII

SIGMAS = np.array(COCO.sigmas)
Call = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--runs", default="500,1000,2000", metavar="N,N,N")
    asked = parser.parse_args()
    one_thread()
    torch.manual_seed(0)
    begin(__doc__, SCALED)
    people(asked.repeats)
    joints(asked.repeats)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["POSEREG_CACHE"] = f"{folder}/cache"
        images(Path(folder), asked.repeats)
        pictures(Path(folder))
        runs(Path(folder), [int(count) for count in asked.runs.split(",")])


def people(repeats: int) -> None:
    def scored(count: int) -> Call:
        head = np.random.default_rng(1).uniform(20, 120, count)
        return partial(pckh.evaluate, *made(MPII, count, head_size=head))

    def batch(count: int) -> Call:
        keypoints, weight = torch.rand(count, 16, 2) * 255, torch.ones(count, 16)
        return partial(gaussian_maps, keypoints, weight, Grid(64, 64, 4), 2.0)

    def crowd(count: int) -> Call:
        return partial(art.encode, bench_bottomup.crowd(12, count, "cpu"), (128, 128))

    grows("PCKh", "people", {n: scored(n) for n in (5000, 15_000, 45_000)}, repeats)
    grows("Gaussian targets", "people of a batch", {n: batch(n) for n in (16, 32, 64)}, repeats)
    grows("bottom-up targets of 12 pictures", "people a picture", {n: crowd(n) for n in (8, 16, 32)}, repeats)
    met = {n: partial(oks_nms, *nms_case(2000, n), SIGMAS) for n in (10, 30, 90)}
    grows("OKS-NMS of 2,000 pictures", "poses a picture", met, repeats)


def joints(repeats: int) -> None:
    grid, some = Grid(64, 64, 4), (8, 16, 32, 64)
    points = {n: (torch.rand(16, n, 2) * 255, torch.ones(16, n)) for n in some}
    maps = {n: gaussian_maps(*points[n], grid, 2.0)[0] for n in some}
    grows(
        "Gaussian targets",
        "joints",
        {n: partial(gaussian_maps, *points[n], grid, 2.0) for n in some},
        repeats,
    )
    for name, decode in (("argmax", argmax_decode), ("DARK", dark_decode), ("integral", integral_decode)):
        grows(f"{name} decoding", "joints", {n: partial(decode, maps[n], grid) for n in some}, repeats)


def images(folder: Path, repeats: int) -> None:
    def evaluated(count: int) -> Call:
        truth, entries = coco_case(count, 20)
        return lambda: oks.figures(oks.run(truth, entries, oks.SIGMAS))

    def read(count: int) -> Call:
        path = folder / f"coco{count}" / "person_keypoints_train2017.json"
        path.parent.mkdir()
        bench_annotations.write(path, count, 2 * count)
        return anew(partial(coco.read, path.parent, "train2017", path))

    def frames(count: int) -> Call:
        (place := folder / f"h36m{count}").mkdir()
        write_h36m(place, count)
        return anew(partial(h36m.read, place, "train"))

    def anew(call: Call) -> Call:
        def first() -> object:
            shutil.rmtree(folder / "cache", ignore_errors=True)
            return call()

        return first

    grows("COCO's ten figures", "images", {n: evaluated(n) for n in (500, 1500, 4500)}, repeats)
    rounds = min(3, repeats)
    met = {n: partial(oks_nms, *nms_case(n, 30), SIGMAS) for n in (1000, 3000, 9000)}
    grows("OKS-NMS of 30 poses a picture", "images", met, rounds)
    grows("reading COCO for the first time", "images", {n: read(n) for n in (5000, 10_000, 20_000)}, rounds)
    grows(
        "reading Human3.6M for the first time",
        "frames",
        {n: frames(n) for n in (5000, 15_000, 45_000)},
        rounds,
    )


def pictures(folder: Path) -> None:
    def predicted(count: int) -> list[float]:
        place = folder / f"pictures{count}"
        place.mkdir()
        for number in range(count):
            shutil.copy(drawn[number % len(drawn)], place / f"{number}.jpg")
        return [whole(folder, "predict", str(place), "device=cpu", "out=OUT")]

    drawn = sorted(make("coco", folder / "drawn", 16, size=640).glob("*2017/*.jpg"))
    (least,) = predicted(1)
    grown("predict", "pictures", {n: predicted(n) for n in (48, 144, 400)}, least)


def runs(folder: Path, counts: list[int]) -> None:
    def of(count: int) -> list[float]:
        place = folder / f"runs{count}"
        copy_runs(ROOT / "results" / "integral_table2_lspet", place, count)
        return [whole(folder, "table", "integral/table2", f"runs={place}", "out=OUT", "pictures=0")]

    (least,) = of(8)
    grown("table", "runs", {count: of(count) for count in counts}, least)


def whole(folder: Path, *arguments: str) -> float:
    """Milliseconds of a process."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    return 1000 * run(arguments, ROOT, folder, folder / "out").seconds


if __name__ == "__main__":
    main()
