"""Ranges of what is not ours: torch's optimisers say in code, not in their signatures, what they take."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Interval

from posereg.settings.ranges import NotNegative, Positive

Decay = Annotated[float, Interval(ge=0, lt=1)]  # of a running mean; 1 would never move
Rate = Annotated[float, Interval(gt=0, le=1e3)]

TORCH: dict[str, Any] = {
    "lr": Rate,
    "alpha": Decay,
    "betas": tuple[Decay, Decay],
    "dampening": Decay,
    "eps": Positive,
    "initial_accumulator_value": NotNegative,
    "lr_decay": NotNegative,
    "momentum": Decay,
    "momentum_decay": NotNegative,
    "weight_decay": NotNegative,
}


def ranges(target: Any) -> dict[str, Any]:
    """What the arguments of a class or function of another library may be, as far as it is known here."""
    return TORCH if str(getattr(target, "__module__", "")).startswith("torch.optim") else {}
