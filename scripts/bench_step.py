"""What a training step and a COCO validation spend beside the network, as it was written before and as it is now.

    OMP_NUM_THREADS=1 python scripts/bench_step.py [--repeats 15]

- Seeding a step: torch.manual_seed, which asks for every kind of device, and the generator of the CPU alone.
- Bytes to normalised images, 32 crops of 256x256 without a change of colour.
- A COCO validation of 5,000 images and 105,000 detections: with the arrays that intervals are drawn from, as after
  each epoch before, and without them until somebody asks, as now.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable

import numpy as np
import torch
from measure import begin, compare, one_thread

from posereg.evaluation import oks
from posereg.evaluation.average_precision import ranked
from posereg.methods.base import PoseModule


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    one_thread()
    begin(__doc__)
    compare("seed of a step", whole_seed, one_generator, repeats, times=200)
    compare("32 crops to normalised images", *colours(), repeats)
    compare("COCO validation, 105,000 detections", *validations(), max(3, repeats // 5))


def whole_seed() -> None:
    torch.manual_seed(7)


def one_generator() -> None:
    torch.default_generator.manual_seed(7)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(7)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(7)


def colours() -> tuple[Callable[[], object], Callable[[], object]]:
    """As it was before, and a method's own."""
    from types import SimpleNamespace

    ones = torch.ones(32, 3)
    image = torch.randint(0, 256, (32, 256, 256, 3), dtype=torch.uint8)
    batch = {"image": image, "color_gain": ones, "color_power": ones}
    mean, std = torch.full((1, 3, 1, 1), 0.45), torch.full((1, 3, 1, 1), 0.22)
    module = SimpleNamespace(mean=mean, std=std)

    def before() -> torch.Tensor:
        images = batch["image"].permute(0, 3, 1, 2).float() / 255
        images = images ** batch["color_power"][:, :, None, None]
        images = (images * batch["color_gain"][:, :, None, None]).clamp(0, 1)
        return (images - mean) / std

    def now() -> torch.Tensor:
        return PoseModule.images(module, batch)  # type: ignore[arg-type]

    assert torch.equal(before(), now())
    return before, now


def validations(
    images: int = 5000, detections: int = 21
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Matching and figures of one annotated person an image, and detections about it."""
    random = np.random.default_rng(0)
    people, places = [], random.uniform(20, 180, (images, 17, 2))
    for k, points in enumerate(places):
        keypoints = np.concatenate([points, np.full((17, 1), 2)], axis=1)
        low, high = points.min(0), points.max(0)
        people.append({
            "id": k + 1, "image_id": k, "category_id": 1, "iscrowd": 0, "num_keypoints": 17,
            "keypoints": keypoints.ravel().tolist(), "area": float(np.prod(high - low)), "bbox": [*low, *(high - low)],
        })  # fmt: skip
    truth = {
        "images": [{"id": k, "width": 200, "height": 200} for k in range(images)],
        "annotations": people,
        "categories": [{"id": 1, "name": "person"}],
    }
    entries = [
        {"image_id": k, "category_id": 1, "score": float(score), "keypoints": found.ravel().tolist()}
        for k, points in enumerate(places)
        for score, found in zip(
            random.random(detections),
            np.concatenate(
                [points + random.normal(0, 8, (detections, 17, 2)), np.ones((detections, 17, 1))], axis=2
            ),
            strict=True,
        )
    ]
    ids = np.arange(images)

    def now() -> object:
        with contextlib.redirect_stdout(None):
            return oks.figures(oks.run(truth, entries, oks.SIGMAS, ids, ""))

    def before() -> object:
        with contextlib.redirect_stdout(None):
            evaluator = oks.run(truth, entries, oks.SIGMAS, ids, "")
            return oks.figures(evaluator), ranked(evaluator, ids)

    return before, now


if __name__ == "__main__":
    main()
