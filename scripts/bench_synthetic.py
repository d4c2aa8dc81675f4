"""How fast synthetic people are drawn, on one core: python scripts/bench_synthetic.py [images=300] [size=256]

Prints pictures per CPU second of the drawing alone and with JPEG encoding, for one to three people per picture
(the MPII setting) and for exactly one. Floor: 60 pictures of 256 x 256 a second without JPEG.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from posereg.data.synthetic.pictures import QUALITY
from posereg.data.synthetic.scene import Setting, render

FLOOR = 60.0


def rate(setting: Setting, images: int, jpeg: bool) -> float:
    """Pictures per CPU second: the best of five rounds, since other programs on the machine only slow it down."""
    return max(_round(setting, images // 5, jpeg) for _ in range(5))


def _round(setting: Setting, images: int, jpeg: bool) -> float:
    start = time.process_time()
    for index in range(images):
        image = render(1, index, setting).image
        if jpeg:
            cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return images / (time.process_time() - start)


def main(arguments: list[str]) -> int:
    values = dict(argument.split("=", 1) for argument in arguments)
    images, side = int(values.get("images", 300)), int(values.get("size", 256))
    cv2.setNumThreads(1)
    settings = {"mpii": Setting(size=(side, side)), "one_person": Setting(size=(side, side), people=(1, 1))}
    _round(settings["mpii"], 5, jpeg=True)  # noise tiles are made once
    result: dict[str, object] = {
        "machine": f"{platform.processor() or platform.machine()}, one core",
        "size": side,
    }
    for name, setting in settings.items():
        for label, jpeg in (("drawing", False), ("with_jpeg", True)):
            result[f"{name}_{label}_per_s"] = round(rate(setting, images, jpeg), 1)
    result["floor_per_s"] = FLOOR
    print(json.dumps(result, indent=2))
    return 0 if float(str(result["mpii_drawing_per_s"])) >= FLOOR or side != 256 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
