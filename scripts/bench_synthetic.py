"""What drawing people costs.

    OMP_NUM_THREADS=1 python scripts/bench_synthetic.py [--size 256] [--pictures 20] [--repeats 5]

- Drawn people: pictures of 256 x 256 with one to three people, as in the MPII set, and with exactly one; with JPEG
  encoding and without. No public code draws the like, so nothing stands beside it.
"""

from __future__ import annotations

import argparse
from functools import partial

import cv2
import numpy as np
from measure import against, begin, one_thread

from posereg.data.synthetic.pictures import QUALITY
from posereg.data.synthetic.scene import Setting, render


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    one_thread()
    begin(__doc__)
    settings = {
        "one to three people": Setting(size=(asked.size, asked.size)),
        "one person": Setting(size=(asked.size, asked.size), people=(1, 1)),
    }
    for name, setting in settings.items():
        for jpeg in (False, True):
            call = partial(draw, setting, asked.pictures, jpeg)
            what = f"drawn picture, {name}{', JPEG' if jpeg else ''}"
            against(what, call, {}, asked.repeats, per=asked.pictures)


def draw(setting: Setting, pictures: int, jpeg: bool) -> None:
    for index in range(pictures):
        image = render(1, index, setting).image
        if jpeg:
            cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    main()
