"""Learning-rate schedules, as Lightning wants them. Fractions are of the whole training, so a schedule keeps
its shape under any budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from posereg.settings.ranges import (
    Annotated,
    Count,
    Interval,
    Is,
    NotNegative,
    Positive,
    Share,
    Whole,
    rising,
)


def steps(
    optimizer: Optimizer,
    total_steps: int,
    at: Annotated[Sequence[Share], Is("fractions from 0 to 1, in rising order", rising)] = (0.643, 0.857),
    factor: Positive = 0.1,
    warmup: Whole = 0,
) -> dict[str, Any]:
    """Multiply by `factor` at each fraction `at` of the training, after `warmup` linear steps.

    The default is epochs 90 and 120 of 140 (docs/papers/integral.md#training).
    """
    _note(warmup, total_steps)

    def scale(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return factor ** sum(step >= fraction * total_steps for fraction in at)

    return {"scheduler": LambdaLR(optimizer, scale), "interval": "step"}


def cosine(optimizer: Optimizer, total_steps: int, warmup: Whole = 0, final: Share = 0.01) -> dict[str, Any]:
    """Half a cosine from 1 to `final`, after `warmup` linear steps. For short budgets."""
    _note(warmup, total_steps)

    def scale(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        progress = min(1.0, (step - warmup) / max(1, total_steps - warmup))
        return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))

    return {"scheduler": LambdaLR(optimizer, scale), "interval": "step"}


def _note(warmup: int, total_steps: int) -> None:
    if warmup >= total_steps:
        print(
            f"schedule.warmup={warmup}: the run's {total_steps} steps end before the learning rate is reached"
        )


def plateau(
    optimizer: Optimizer,
    total_steps: int,
    factor: Annotated[float, Interval(gt=0, lt=1)] = 0.01,
    patience: Whole = 10,
    monitor: str = "val/loss",
    mode: Literal["min", "max"] = "min",
    minimum: NotNegative = 1e-6,
    every: Count = 1,
) -> dict[str, Any]:
    """Multiply by `factor` when `monitor` has not improved for `patience` validations (integral paper: 1e-3 to 1e-5).

    A look is every `every` epochs: for a validation metric the trainer's `validate_every`.
    """
    scheduler = ReduceLROnPlateau(optimizer, mode=mode, factor=factor, patience=patience, min_lr=minimum)
    return {"scheduler": scheduler, "interval": "epoch", "frequency": every, "monitor": monitor}


def constant(optimizer: Optimizer, total_steps: int) -> dict[str, Any]:
    """The learning rate stays."""
    return {"scheduler": LambdaLR(optimizer, lambda step: 1.0), "interval": "step"}
