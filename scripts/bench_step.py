"""What a training step and a COCO validation spend beside the network, as it was written before and as it is now.

    OMP_NUM_THREADS=1 python scripts/bench_step.py [--repeats 15]

- A step of H1 with all that a run does in it (seeds, checks, means, progress), beside a bare loop of the same network,
  loss and optimiser, fused on both sides; float32, batches in memory, recipes `demo` and `converged`.
- Seeding a step: torch.manual_seed, which asks for every kind of device, and the generator of the CPU alone.
- Bytes to normalised images, 32 crops of 256x256 without a change of colour.
- A COCO validation of 5,000 images and 105,000 detections: with the arrays that intervals are drawn from, as after
  each epoch before, and without them until somebody asks, as now.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from measure import Call, begin, compare, milliseconds, one_thread, rows
from pytorch_lightning.callbacks import Callback

from posereg import config as configs
from posereg.build import build_method
from posereg.evaluation import oks
from posereg.evaluation.average_precision import ranked
from posereg.methods.base import Batch, PoseModule
from posereg.runs.signals import Signals
from posereg.training.callbacks import Throughput
from posereg.training.loggers import build_loggers
from posereg.training.progress import PlainProgress


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    one_thread()
    warnings.filterwarnings("ignore", message="You defined a `validation_step`")
    begin(__doc__)
    # Many rounds of the small one: in some, glibc gives memory back and asks for it again, up to 2 ms a step.
    training("demo", 40, max(3, 2 * repeats))
    training("converged", 4, max(3, repeats // 2))
    compare("seed of a step", whole_seed, one_generator, repeats, times=200)
    compare("32 crops to normalised images", *colours(), repeats)
    compare("COCO validation, 105,000 detections", *validations(), max(3, repeats // 5))


class Batches(pl.LightningDataModule):
    """Some batches in turn, from memory."""

    def __init__(self, batches: list[Batch], count: int) -> None:
        super().__init__()
        self.batches, self.count = batches, count

    def train_dataloader(self) -> Batches:
        return self

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Batch]:
        return itertools.islice(itertools.cycle(self.batches), self.count)


def drawn(plain: dict[str, Any], joints: int = 16) -> Batch:
    """A batch of noise, with the colours changed as in training."""
    width, height = plain["method"]["input_size"]
    count = plain["batch_size"]
    return {
        "image": torch.randint(0, 256, (count, height, width, 3), dtype=torch.uint8),
        "keypoints": torch.rand(count, joints, 2) * width,
        "visibility": torch.full((count, joints), 2, dtype=torch.uint8),
        "color_gain": 0.8 + 0.4 * torch.rand(count, 3),
        "color_power": torch.ones(count, 3),
    }


class Turns(Callback):
    """So many steps of the run, then as many of the bare loop, and so on; `taken` has the milliseconds of one."""

    def __init__(self, steps: int, bare: Call) -> None:
        self.steps, self.bare, self.start = steps, bare, 0.0
        self.taken: dict[str, list[float]] = {"": [], "bare loop": []}

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if (batch_idx + 1) % self.steps:
            return
        self.taken[""].append(1000 * (time.process_time() - self.start) / self.steps)
        self.taken["bare loop"].append(milliseconds(self.bare) / self.steps)
        self.start = time.process_time()


def training(recipe: str, steps: int, repeats: int) -> None:
    """A row of a run's step beside the bare loop's; the first turn warms up and does not count."""
    asked = ["method=H1", "data=synthetic", f"recipe={recipe}", "trainer.epochs=1", "trainer.accelerator=cpu"]
    plain = configs.plain(configs.compose([*asked, "trainer.validate_every=1"]))
    batches = [drawn(plain) for _ in range(4)]
    run, module = (build_method(plain, weights=False) for _ in range(2))
    module.network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(
        module.network.parameters(), lr=plain["method"]["optimizer"]["lr"], fused=True
    )

    def bare() -> None:
        for batch in itertools.islice(itertools.cycle(batches), steps):
            loss = module.losses(module.images(batch), batch)["loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    turns = Turns(steps, bare)
    with tempfile.TemporaryDirectory() as folder, Signals() as signals, contextlib.redirect_stdout(None):
        trainer = configs.instantiate(plain["trainer"])(
            run_dir=Path(folder),
            seed=0,
            loggers=build_loggers(plain["logger"], plain, Path(folder)),
            signals=signals,
            run_callbacks=[Throughput(), PlainProgress(), turns],
        )
        trainer.fit(run, datamodule=Batches(batches, steps * (repeats + 1)))
    rows(f"step of recipe={recipe}", {name: values[1:] for name, values in turns.taken.items()})


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
